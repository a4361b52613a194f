/* loaders/image.h - where a component's bytes come from.
 *
 * Model      IMAGE is a path. A chain of loaders is asked in order, and the first that has it wins:
 *            one loader per volume, in the order of the command line, then the host's own files. A
 *            path that names a directory means main.wasm or bin/main.wasm in it; a path that names
 *            a file means that file. Further sources join by being loaders.
 * Asks       A directory may hold a file "asks", a word a line: what the image would like beyond
 *            the usual. The one word is "operator". Asking gives nothing; whoever runs the image
 *            has to agree. Words that are not known are passed over.
 * Ownership  The caller owns the image, also after a failure, and calls ww_image_deinit. Loaders
 *            borrow the paths they are made with.
 * Bounds     WW_MAX_COMPONENT_BYTES, WW_ASKS_BYTES_MAX.
 * Errors     E_NOT_FOUND when no loader has it: the text lists what each tried. Any other failure
 *            ends the search: what the right loader refuses, another one must not answer.
 * Threads    Blocks on files: not for the loop thread.
 * Trust      What is in a volume may be hostile; no path and no link leads out of it.
 */
#pragma once
#include "base/bytes.h"

enum { WW_ASKS_BYTES_MAX = 4096 };

typedef struct ww_image {
    ww_buf component;
    bool asks_operator;
    char name[256];  /* file name of the component: the guest's argv[0] */
    char label[256]; /* for people: the last name of the path that was asked for, else `name` */
} ww_image;

void ww_image_init(ww_image *image, const ww_allocator *allocator);
void ww_image_deinit(ww_image *image);

typedef struct ww_loader ww_loader;
struct ww_loader {
    /* Fills `out`, or answers E_NOT_FOUND and leaves it empty, with one clause on what was tried. */
    ww_status (*load)(const ww_loader *self, const char *path, ww_image *out, ww_diag *diag);
};

/* What is below the guest path `guest`, by whole components: /boot covers /boot and /boot/x, not
 * /boot2. It is looked for below the directory `host`. */
typedef struct ww_volume_loader {
    ww_loader base;
    const char *host, *guest;
} ww_volume_loader;

ww_volume_loader ww_volume_loader_of(const char *host, const char *guest);

/* Paths of the host. */
ww_loader ww_host_loader(void);

/* Asks the loaders of the chain in order. */
WW_MUST_USE ww_status ww_image_load(ww_image *image, const ww_loader *const *chain, size_t count,
                                    const char *path, ww_diag *diag);
