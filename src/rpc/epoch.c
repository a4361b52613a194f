#include "rpc/epoch.h"

static void init(ww_epoch_source *source, const ww_allocator *allocator, const char *name)
{
    *source = (ww_epoch_source){.name = name};
    ww_buf_init(&source->head, allocator, WW_EPOCH_HEAD_MAX);
}

void ww_epoch_source_init_static(ww_epoch_source *source, const ww_allocator *allocator)
{
    init(source, allocator, "static");
}

static ww_status advance_local(ww_epoch_source *source, ww_view head, ww_diag *diag)
{
    const ww_epoch next = {.seq = source->now.seq + 1, .head = head};
    return ww_epoch_adopt(source, &next, diag);
}

void ww_epoch_source_init_local(ww_epoch_source *source, const ww_allocator *allocator)
{
    init(source, allocator, "local");
    source->advance = advance_local;
}

void ww_epoch_source_deinit(ww_epoch_source *source)
{
    ww_buf_deinit(&source->head);
    source->now = (ww_epoch){0};
}

ww_status ww_epoch_advance(ww_epoch_source *source, ww_view head, ww_diag *diag)
{
    if (!source->advance)
        return ww_fail(diag, WW_E_UNSUPPORTED, "the %s epoch source is not advanced by an operator",
                       source->name);
    return source->advance(source, head, diag);
}

ww_status ww_epoch_adopt(ww_epoch_source *source, const ww_epoch *epoch, ww_diag *diag)
{
    ww_buf head;
    ww_buf_init(&head, source->head.allocator, WW_EPOCH_HEAD_MAX);
    ww_status status = ww_buf_append(&head, epoch->head.data, epoch->head.size);
    if (status) {
        ww_buf_deinit(&head);
        return ww_fail(diag, status, "an epoch's head of %zu bytes: %s", epoch->head.size,
                       ww_status_text(status));
    }
    ww_buf_deinit(&source->head);
    source->head = head;
    source->now = (ww_epoch){epoch->seq, ww_buf_view(&source->head), epoch->adopted_block};
    ww_authority_revoke(&source->authority);
    return WW_OK;
}
