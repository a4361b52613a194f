#include "node/keeper.h"
#include "capnp/frame.h"
#include "node/journal.h"

enum { TARGETS_MAX = 65536 };

static void warn(const ww_keeper *keeper, const char *what, const ww_diag *diag)
{
    ww_log_print(keeper->log, WW_LOG_WARN, "ww::bringup", "%s: %s", what, diag->text);
}

/* --- done targets --- */

static bool key_of(ww_bootstrap_kind kind, ww_view target,
                   uint8_t key[1 + WW_BOOTSTRAP_NAME_SIZE_MAX], ww_view *out)
{
    if (target.size > WW_BOOTSTRAP_NAME_SIZE_MAX) return false;
    key[0] = (uint8_t)kind;
    if (target.size) memcpy(key + 1, target.data, target.size);
    *out = ww_view_of(key, 1 + target.size);
    return true;
}

bool ww_keeper_is_done(const ww_keeper *keeper, ww_bootstrap_kind kind, ww_view target)
{
    uint8_t bytes[1 + WW_BOOTSTRAP_NAME_SIZE_MAX];
    ww_view key;
    uint32_t id;
    return key_of(kind, target, bytes, &key) && ww_names_find(&keeper->done, key, &id);
}

static void remember_done(ww_keeper *keeper, ww_view key)
{
    uint32_t id; /* without memory it is brought up once more */
    ww_status status = ww_names_intern(&keeper->done, key, &id);
    (void)status;
}

/* --- opening --- */

static ww_status open_file(ww_keeper *keeper, bool create, ww_diag *diag)
{
    ww_folder folder;
    ww_status status = create ? ww_folder_make(keeper->folder, &folder, diag)
                              : ww_folder_open(keeper->folder, &folder, diag);
    if (status) return status;
    status =
        ww_append_open(&folder, WW_JOURNAL_NAME, create, &keeper->content, &keeper->file, diag);
    ww_folder_close(&folder);
    return status;
}

/* Names what is done; what is not whole at the end is cut off. */
static void scan(ww_keeper *keeper)
{
    ww_journal_record record;
    ww_diag diag;
    ww_view rest = ww_buf_view(&keeper->content);
    while (ww_journal_next(&rest, &record))
        if (record.kind == WW_JOURNAL_DONE) remember_done(keeper, record.payload);
    if (!rest.size) return;
    ww_log_print(keeper->log, WW_LOG_WARN, "ww::bringup",
                 "%s: the last %zu bytes are not a whole record and are forgotten", WW_JOURNAL_NAME,
                 rest.size);
    if (ww_append_cut(&keeper->file, keeper->content.size - rest.size, &diag))
        warn(keeper, WW_JOURNAL_NAME, &diag);
}

void ww_keeper_open(ww_keeper *keeper, const char *folder, const uint64_t key[2],
                    const ww_allocator *allocator, const ww_log *log)
{
    ww_diag diag;
    *keeper = (ww_keeper){.allocator = allocator, .log = log, .folder = folder, .file = {.fd = -1}};
    ww_buf_init(&keeper->content, allocator, WW_JOURNAL_BYTES_MAX);
    ww_names_init(&keeper->done, allocator, key, TARGETS_MAX);
    ww_status status = open_file(keeper, false, &diag);
    if (status == WW_E_NOT_FOUND) return; /* made when there is something to keep */
    keeper->is_refused = status != WW_OK;
    if (status == WW_E_BUSY)
        ww_log_print(log, WW_LOG_DEBUG, "ww::bringup", "another node keeps the modules");
    else if (status)
        warn(keeper, "what was installed is not known", &diag);
    else
        scan(keeper);
    keeper->rest = ww_buf_view(&keeper->content);
}

void ww_keeper_close(ww_keeper *keeper)
{
    if (!keeper->allocator) return;
    ww_append_close(&keeper->file);
    ww_buf_deinit(&keeper->content);
    ww_names_deinit(&keeper->done);
    keeper->allocator = NULL;
}

bool ww_keeper_next(ww_keeper *keeper, ww_view *message)
{
    ww_journal_record record;
    while (ww_journal_next(&keeper->rest, &record)) {
        if (record.kind != WW_JOURNAL_INSTALL) continue;
        *message = record.payload;
        return true;
    }
    return false;
}

/* --- adding --- */

static bool can_add(ww_keeper *keeper)
{
    ww_diag diag;
    if (keeper->is_refused) return false;
    if (keeper->file.fd >= 0) return true;
    keeper->is_refused = open_file(keeper, true, &diag) != WW_OK;
    if (keeper->is_refused) warn(keeper, "what is installed is for this time only", &diag);
    return !keeper->is_refused;
}

static void add(ww_keeper *keeper, ww_journal_kind kind, ww_view payload)
{
    ww_buf bytes;
    ww_diag diag;
    ww_buf_init(&bytes, keeper->allocator, WW_JOURNAL_BYTES_MAX);
    ww_status status = ww_journal_write((ww_journal_record){kind, payload}, &bytes);
    if (!status && bytes.size > WW_JOURNAL_BYTES_MAX - keeper->file.size) status = WW_E_LIMIT;
    if (status)
        ww_fail(&diag, status, "%s", ww_status_text(status));
    else
        status = ww_append(&keeper->file, ww_buf_view(&bytes), &diag);
    if (status) warn(keeper, WW_JOURNAL_NAME, &diag);
    ww_buf_deinit(&bytes);
}

void ww_keeper_add_done(ww_keeper *keeper, ww_bootstrap_kind kind, ww_view target)
{
    uint8_t bytes[1 + WW_BOOTSTRAP_NAME_SIZE_MAX];
    ww_view key;
    if (ww_keeper_is_done(keeper, kind, target) || !key_of(kind, target, bytes, &key)) return;
    remember_done(keeper, key);
    if (can_add(keeper)) add(keeper, WW_JOURNAL_DONE, key);
}

static void copy_bindings(bringup_install_b out, bringup_binding_l from)
{
    bringup_binding_lb list = bringup_install_init_bindings(out, from.list.count);
    for (uint32_t i = 0; i < from.list.count; i++) {
        bringup_binding_r binding = bringup_binding_l_at(from, i);
        bringup_binding_b to = bringup_binding_lb_at(list, i);
        bringup_binding_set_slot(to, bringup_binding_slot(binding));
        bringup_binding_set_wasm(to, bringup_binding_wasm(binding));
        bringup_binding_set_config(to, bringup_binding_config(binding));
    }
}

void ww_keeper_add_install(ww_keeper *keeper, bringup_install_r install)
{
    ww_capnp_builder builder;
    ww_buf bytes;
    if (!can_add(keeper)) return;
    ww_capnp_builder_init(&builder, keeper->allocator, NULL);
    ww_buf_init(&bytes, keeper->allocator, WW_JOURNAL_BYTES_MAX);
    bringup_install_b copy = bringup_install_init_root(&builder);
    bringup_install_set_artifact(copy, bringup_install_artifact(install));
    copy_bindings(copy, bringup_install_bindings(install));
    ww_status status = ww_capnp_frame_write(&builder, &bytes);
    ww_diag diag;
    if (!status)
        add(keeper, WW_JOURNAL_INSTALL, ww_buf_view(&bytes));
    else if (ww_fail(&diag, status, "%s", ww_status_text(status)))
        warn(keeper, WW_JOURNAL_NAME, &diag);
    ww_buf_deinit(&bytes);
    ww_capnp_builder_deinit(&builder);
}
