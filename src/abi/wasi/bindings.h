/* abi/wasi/bindings.h - the functions that this folder gives to each interface. */
#pragma once
#include "wit/wasi_cli_environment.h"
#include "wit/wasi_cli_exit.h"
#include "wit/wasi_cli_stderr.h"
#include "wit/wasi_cli_stdin.h"
#include "wit/wasi_cli_stdout.h"
#include "wit/wasi_cli_terminal_stderr.h"
#include "wit/wasi_cli_terminal_stdin.h"
#include "wit/wasi_cli_terminal_stdout.h"
#include "wit/wasi_clocks_monotonic_clock.h"
#include "wit/wasi_clocks_wall_clock.h"
#include "wit/wasi_filesystem.h"
#include "wit/wasi_filesystem_preopens.h"
#include "wit/wasi_http.h"
#include "wit/wasi_io_error.h"
#include "wit/wasi_io_poll.h"
#include "wit/wasi_io_streams.h"
#include "wit/wasi_random_insecure.h"
#include "wit/wasi_random_insecure_seed.h"
#include "wit/wasi_random_random.h"
#include "wit/wasi_sockets_instance_network.h"

extern const wasi_cli_environment ww_wasi_cli_environment;
extern const wasi_cli_exit ww_wasi_cli_exit;
extern const wasi_cli_stderr ww_wasi_cli_stderr;
extern const wasi_cli_stdin ww_wasi_cli_stdin;
extern const wasi_cli_stdout ww_wasi_cli_stdout;
extern const wasi_cli_terminal_stderr ww_wasi_cli_terminal_stderr;
extern const wasi_cli_terminal_stdin ww_wasi_cli_terminal_stdin;
extern const wasi_cli_terminal_stdout ww_wasi_cli_terminal_stdout;
extern const wasi_clocks_monotonic_clock ww_wasi_clocks_monotonic_clock;
extern const wasi_clocks_wall_clock ww_wasi_clocks_wall_clock;
extern const wasi_filesystem ww_wasi_filesystem;
extern const wasi_filesystem_preopens ww_wasi_filesystem_preopens;
extern const wasi_http ww_wasi_http;
extern const wasi_io_error ww_wasi_io_error;
extern const wasi_io_poll ww_wasi_io_poll;
extern const wasi_io_streams ww_wasi_io_streams;
extern const wasi_random_insecure ww_wasi_random_insecure;
extern const wasi_random_insecure_seed ww_wasi_random_insecure_seed;
extern const wasi_random_random ww_wasi_random_random;
extern const wasi_sockets_instance_network ww_wasi_sockets_instance_network;
