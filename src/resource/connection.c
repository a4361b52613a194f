#include "resource/connection.h"

static void connection_free(ww_object *object)
{
    ww_connection *connection = WW_CONTAINER_OF(object, ww_connection, object);
    ww_source_unref(connection->input);
    ww_sink_unref(connection->output);
    ww_free(connection->allocator, connection, sizeof *connection);
}

ww_status ww_connection_open(ww_wasi *wasi, ww_connection **out)
{
    static const ww_object_class class = {"connection", connection_free};
    const ww_wasi_options *options = &wasi->options;
    *out = NULL;
    if (!options->link_input || wasi->link_is_open) return WW_E_CLOSED;
    void *made;
    ww_status status = ww_wasi_make(wasi, &class, sizeof(ww_connection), NULL, &made);
    if (status) return status;
    ww_connection *connection = made;
    connection->allocator = options->allocator;
    connection->wasi = wasi;
    connection->input = ww_source_ref(options->link_input);
    connection->output = ww_sink_ref(options->link_output);
    wasi->link_is_open = true;
    *out = connection;
    return WW_OK;
}

ww_status ww_connection_take_input(ww_connection *connection, ww_input_stream **out)
{
    *out = NULL;
    if (!connection->input) return WW_E_CLOSED;
    ww_status status = ww_input_stream_new(connection->wasi, connection->input, NULL, out);
    if (status) return status;
    ww_source_unref(connection->input); /* the stream has its own */
    connection->input = NULL;
    return WW_OK;
}

ww_status ww_connection_take_output(ww_connection *connection, ww_output_stream **out)
{
    *out = NULL;
    if (!connection->output) return WW_E_CLOSED;
    ww_status status = ww_output_stream_new(connection->wasi, connection->output, NULL, out);
    if (status) return status;
    ww_sink_unref(connection->output);
    connection->output = NULL;
    return WW_OK;
}
