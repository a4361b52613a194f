/* os/paths.h - what can be done with names below a directory, and with what they lead to.
 *
 * Model      Each function is one system call after a look-up that never leaves its base
 *            (os/beneath.h).
 * Errors     0 or an errno value; out-parameters are set on 0 only.
 * Threads    Any; all functions may block. For jobs, except ww_stat_fd.
 */
#pragma once
#include "os/beneath.h"
#include "os/clock.h"

typedef enum ww_file_type {
    WW_FILE_UNKNOWN,
    WW_FILE_BLOCK_DEVICE,
    WW_FILE_CHARACTER_DEVICE,
    WW_FILE_DIRECTORY,
    WW_FILE_FIFO,
    WW_FILE_LINK,
    WW_FILE_REGULAR,
    WW_FILE_SOCKET,
} ww_file_type;

typedef struct ww_stat {
    ww_file_type type;
    uint64_t links, size, device, inode;
    ww_wall_time accessed, modified, changed;
} ww_stat;

int ww_stat_fd(int fd, ww_stat *out);
int ww_stat_path(ww_base base, const char *path, bool follow, ww_stat *out);

/* What becomes of a time. */
typedef enum ww_time_change { WW_TIME_KEEP, WW_TIME_NOW, WW_TIME_SET } ww_time_change;

typedef struct ww_new_time {
    uint8_t change; /* ww_time_change */
    ww_wall_time time;
} ww_new_time;

typedef struct ww_new_times {
    ww_new_time accessed, modified;
} ww_new_times;

int ww_times_fd(int fd, const ww_new_times *times);
int ww_times_path(ww_base base, const char *path, bool follow, const ww_new_times *times);

int ww_path_make_directory(ww_base base, const char *path);
int ww_path_remove_directory(ww_base base, const char *path);
int ww_path_unlink(ww_base base, const char *path);
int ww_path_rename(ww_base from, const char *old_path, ww_base to, const char *new_path);
/* A link in the last place of `old_path` is linked itself. */
int ww_path_link(ww_base from, const char *old_path, ww_base to, const char *new_path);
/* `text` is not looked at, except that an absolute one is EPERM. */
int ww_path_symlink(const char *text, ww_base base, const char *path);
/* EPERM for an absolute text, which would tell names of the host. */
int ww_path_readlink(ww_base base, const char *path, char *out, size_t capacity, size_t *size);

/* A directory that is read from the beginning, whatever else uses `fd`. */
int ww_directory_open(int fd, int *out);

typedef struct ww_directory_entry {
    ww_file_type type; /* UNKNOWN where the file system does not say */
    const char *name;  /* in `portion` */
} ww_directory_entry;

/* Entries come in portions of the kernel's own form. *size 0: the end. */
int ww_directory_read(int fd, void *portion, size_t capacity, size_t *size);
/* The entry at *at, which moves behind it; false at the end of the portion. "." and ".." are left
 * out. */
bool ww_directory_next(const void *portion, size_t size, size_t *at, ww_directory_entry *out);

/* Makes what was written durable. `data_only`: without times. */
int ww_sync_fd(int fd, bool data_only);
int ww_resize_fd(int fd, uint64_t size);

typedef enum ww_advice {
    WW_ADVICE_NORMAL,
    WW_ADVICE_SEQUENTIAL,
    WW_ADVICE_RANDOM,
    WW_ADVICE_WILL_NEED,
    WW_ADVICE_DONT_NEED,
    WW_ADVICE_NO_REUSE,
} ww_advice;

int ww_advise_fd(int fd, uint64_t offset, uint64_t size, ww_advice advice);
