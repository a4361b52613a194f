#include "loaders/image.h"
#include "component/limits.h"
#include "os/file.h"
#include <stdio.h>

enum { PATH_BYTES_MAX = 4096 };

void ww_image_init(ww_image *image, const ww_allocator *allocator)
{
    *image = (ww_image){.name = ""};
    ww_buf_init(&image->component, allocator, WW_MAX_COMPONENT_BYTES);
}

void ww_image_deinit(ww_image *image)
{
    ww_buf_deinit(&image->component);
}

/* --- files and directories, of the host or below a volume's folder --- */

/* `folder` NULL: a path of the host. */
static ww_status read_file(const ww_folder *folder, const char *path, ww_buf *out, ww_diag *diag)
{
    return folder ? ww_file_read_in(folder, path, out, NULL, diag) : ww_file_read(path, out, diag);
}

static ww_status load_file(const ww_folder *folder, const char *path, ww_image *out, ww_diag *diag)
{
    ww_status status = read_file(folder, path, &out->component, diag);
    if (status) return status;
    const char *slash = strrchr(path, '/');
    snprintf(out->name, sizeof out->name, "%.255s", slash ? slash + 1 : path);
    return WW_OK;
}

static ww_status load_asks(const ww_folder *folder, const char *path, ww_image *out, ww_diag *diag)
{
    char full[PATH_BYTES_MAX];
    int size = snprintf(full, sizeof full, "%s/asks", path);
    if (size < 0 || (size_t)size >= sizeof full)
        return ww_fail(diag, WW_E_LIMIT, "path longer than %d bytes", PATH_BYTES_MAX);
    ww_buf words;
    ww_buf_init(&words, out->component.allocator, WW_ASKS_BYTES_MAX);
    ww_status status = read_file(folder, full, &words, diag);
    for (ww_view left = ww_buf_view(&words); !status && left.size;) {
        const uint8_t *end = memchr(left.data, '\n', left.size);
        size_t length = end ? (size_t)(end - left.data) : left.size, step = length + (end != NULL);
        if (ww_view_equal(ww_view_of(left.data, length), WW_VIEW_LITERAL("operator")))
            out->asks_operator = true;
        left = ww_view_of(left.data + step, left.size - step);
    }
    ww_buf_deinit(&words);
    return status == WW_E_NOT_FOUND ? WW_OK : status;
}

static ww_status load_directory(const ww_folder *folder, const char *path, ww_image *out,
                                ww_diag *diag)
{
    static const char *const inside[] = {"main.wasm", "bin/main.wasm"};
    char full[PATH_BYTES_MAX];
    for (size_t i = 0; i < WW_COUNT_OF(inside); i++) {
        int size = snprintf(full, sizeof full, "%s/%s", path, inside[i]);
        if (size < 0 || (size_t)size >= sizeof full)
            return ww_fail(diag, WW_E_LIMIT, "path longer than %d bytes", PATH_BYTES_MAX);
        ww_status status = load_file(folder, full, out, diag);
        if (!status) return load_asks(folder, path, out, diag);
        if (status != WW_E_NOT_FOUND) return status;
    }
    return ww_fail(diag, WW_E_NOT_FOUND, "%s: neither main.wasm nor bin/main.wasm in it", path);
}

static ww_status load_path(const ww_folder *folder, const char *path, ww_image *out, ww_diag *diag)
{
    ww_status status = load_file(folder, path, out, diag);
    return status == WW_E_MISMATCH ? load_directory(folder, path, out, diag) : status;
}

/* --- the host --- */

static ww_status load_from_host(const ww_loader *self, const char *path, ww_image *out,
                                ww_diag *diag)
{
    (void)self;
    ww_status status = load_path(NULL, path, out, diag);
    if (status) ww_fail_in(diag, "host");
    return status;
}

ww_loader ww_host_loader(void)
{
    return (ww_loader){load_from_host};
}

/* --- volumes --- */

/* The next component of a path, without those that mean nothing ("" and "."); empty at the end. */
static ww_view next_component(const char **path)
{
    for (;;) {
        const char *start = *path + strspn(*path, "/");
        size_t size = strcspn(start, "/");
        *path = start + size;
        if (size != 1 || *start != '.') return ww_view_of(start, size);
    }
}

/* The rest of `path` behind the components of `prefix`, "" if nothing is left; NULL if it does not
 * begin with them. */
static const char *behind(const char *path, const char *prefix)
{
    if ((*path == '/') != (*prefix == '/')) return NULL;
    for (;;) {
        ww_view wanted = next_component(&prefix);
        if (!wanted.size) return path + strspn(path, "/");
        if (!ww_view_equal(next_component(&path), wanted)) return NULL;
    }
}

static ww_status load_from_volume(const ww_loader *base, const char *path, ww_image *out,
                                  ww_diag *diag)
{
    const ww_volume_loader *self = WW_CONTAINER_OF(base, ww_volume_loader, base);
    const char *rest = behind(path, self->guest);
    if (!rest) return ww_fail(diag, WW_E_NOT_FOUND, "volume %s: not below it", self->guest);
    ww_folder folder;
    ww_status status = ww_folder_open(self->host, &folder, diag);
    if (!status) {
        status = load_path(&folder, *rest ? rest : ".", out, diag);
        ww_folder_close(&folder);
    }
    if (status) ww_fail_in(diag, "volume %s (%s)", self->guest, self->host);
    return status;
}

ww_volume_loader ww_volume_loader_of(const char *host, const char *guest)
{
    return (ww_volume_loader){{load_from_volume}, host, guest};
}

/* --- the chain --- */

/* "images/pid0/" is "pid0"; a path that ends with no name, as "." and "/" do, says nothing. */
static void label(ww_image *image, const char *path)
{
    size_t end = strlen(path);
    while (end && path[end - 1] == '/')
        end--;
    size_t begin = end;
    while (begin && path[begin - 1] != '/')
        begin--;
    ww_view last = ww_view_of(path + begin, end - begin);
    bool is_name = last.size && !ww_view_is(last, ".") && !ww_view_is(last, "..");
    if (is_name)
        snprintf(image->label, sizeof image->label, "%.*s", WW_VIEW_ARG(last));
    else
        memcpy(image->label, image->name, sizeof image->label);
}

ww_status ww_image_load(ww_image *image, const ww_loader *const *chain, size_t count,
                        const char *path, ww_diag *diag)
{
    char tried[WW_DIAG_TEXT_MAX] = "";
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        ww_diag reason = {WW_OK, ""};
        ww_buf_clear(&image->component);
        image->asks_operator = false;
        ww_status status = chain[i]->load(chain[i], path, image, &reason);
        if (!status) {
            label(image, path);
            return WW_OK;
        }
        if (status != WW_E_NOT_FOUND)
            return ww_fail(diag, status, "image %s: %s", path, reason.text);
        int added = snprintf(tried + used, sizeof tried - used, "%s%s", i ? "; " : "", reason.text);
        used += added < 0 ? 0 : (size_t)added;
        if (used >= sizeof tried) used = sizeof tried - 1;
    }
    return ww_fail(diag, WW_E_NOT_FOUND, "image %s: not found: %s", path, tried);
}
