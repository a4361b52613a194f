#include "abi/wasi/bindings.h"
#include "abi/wasi/wasi.h"
#include "resource/policy.h"
#include "wit/wasi_cli_terminal_input.h"
#include "wit/wasi_cli_terminal_output.h"
#include "wit/wasi_http_outgoing_handler.h"
#include "wit/wasi_sockets_ip_name_lookup.h"
#include "wit/wasi_sockets_network.h"
#include "wit/wasi_sockets_tcp.h"
#include "wit/wasi_sockets_tcp_create_socket.h"
#include "wit/wasi_sockets_udp.h"
#include "wit/wasi_sockets_udp_create_socket.h"

typedef struct binding {
    const ww_host_interface *interface;
    const void *impl; /* NULL: it has types only */
} binding;

/* A function that is not set is denied, in the words of its policy row. */
static const wasi_http_outgoing_handler denied_outgoing_handler;
static const wasi_sockets_ip_name_lookup denied_ip_name_lookup;
static const wasi_sockets_tcp denied_tcp;
static const wasi_sockets_tcp_create_socket denied_tcp_create_socket;
static const wasi_sockets_udp denied_udp;
static const wasi_sockets_udp_create_socket denied_udp_create_socket;

static const binding bindings[] = {
    {&wasi_cli_environment_interface, &ww_wasi_cli_environment},
    {&wasi_cli_exit_interface, &ww_wasi_cli_exit},
    {&wasi_cli_stderr_interface, &ww_wasi_cli_stderr},
    {&wasi_cli_stdin_interface, &ww_wasi_cli_stdin},
    {&wasi_cli_stdout_interface, &ww_wasi_cli_stdout},
    {&wasi_cli_terminal_input_interface, NULL},
    {&wasi_cli_terminal_output_interface, NULL},
    {&wasi_cli_terminal_stderr_interface, &ww_wasi_cli_terminal_stderr},
    {&wasi_cli_terminal_stdin_interface, &ww_wasi_cli_terminal_stdin},
    {&wasi_cli_terminal_stdout_interface, &ww_wasi_cli_terminal_stdout},
    {&wasi_clocks_monotonic_clock_interface, &ww_wasi_clocks_monotonic_clock},
    {&wasi_clocks_wall_clock_interface, &ww_wasi_clocks_wall_clock},
    {&wasi_filesystem_interface, &ww_wasi_filesystem},
    {&wasi_filesystem_preopens_interface, &ww_wasi_filesystem_preopens},
    {&wasi_http_interface, &ww_wasi_http},
    {&wasi_http_outgoing_handler_interface, &denied_outgoing_handler},
    {&wasi_io_error_interface, &ww_wasi_io_error},
    {&wasi_io_poll_interface, &ww_wasi_io_poll},
    {&wasi_io_streams_interface, &ww_wasi_io_streams},
    {&wasi_random_insecure_interface, &ww_wasi_random_insecure},
    {&wasi_random_insecure_seed_interface, &ww_wasi_random_insecure_seed},
    {&wasi_random_random_interface, &ww_wasi_random_random},
    {&wasi_sockets_instance_network_interface, &ww_wasi_sockets_instance_network},
    {&wasi_sockets_ip_name_lookup_interface, &denied_ip_name_lookup},
    {&wasi_sockets_network_interface, NULL},
    {&wasi_sockets_tcp_interface, &denied_tcp},
    {&wasi_sockets_tcp_create_socket_interface, &denied_tcp_create_socket},
    {&wasi_sockets_udp_interface, &denied_udp},
    {&wasi_sockets_udp_create_socket_interface, &denied_udp_create_socket},
};

ww_status ww_wasi_link(ww_linker *linker)
{
    ww_status status = WW_OK;
    for (size_t i = 0; i < WW_COUNT_OF(bindings) && !status; i++) {
        status = ww_policy_check(bindings[i].interface, NULL);
        if (!status) status = ww_linker_add(linker, bindings[i].interface, bindings[i].impl);
    }
    return status;
}
