/* abi/wasi/files.h - what the parts of wasi:filesystem share.
 *
 * Waiting    Functions that need a worker make a piece of work, and end in a finish function, which
 *            is run when the work is done, or at once if an error was found before it began.
 *            call->state: [0] self, [1] that error.
 */
#pragma once
#include "abi/wasi/bindings.h"
#include "resource/descriptor.h"

typedef wasi_filesystem_result_none_error_code ww_none_result;
typedef wasi_filesystem_result_descriptor_stat_error_code ww_stat_result;
typedef wasi_filesystem_result_metadata_hash_value_error_code ww_hash_result;
typedef wasi_filesystem_result_tuple_bytes_bool_error_code ww_read_result;
typedef wasi_filesystem_result_u64_error_code ww_write_result;

wasi_filesystem_error_code ww_wasi_error_code(int error); /* of an errno value but 0 */

/* Starts `work` (NULL: no memory), unless there is an error already, and finishes with `finish`. */
ww_status ww_wasi_work(ww_call *call, const void *self, ww_file_work *work, int error,
                       ww_file_act *act, ww_resume_fn *finish, void *result);
/* For finish functions: AGAIN, or WW_OK with the error or 0, and the work (NULL: it never began). */
ww_status ww_wasi_outcome(ww_call *call, ww_resume_fn *finish, int *error, ww_file_work **work);

ww_status ww_wasi_finish_none(ww_call *call, void *result);

ww_status ww_wasi_answer_none(int error, ww_none_result *result);
ww_status ww_wasi_answer_stat(int error, const ww_stat *facts, ww_stat_result *result);
ww_status ww_wasi_answer_hash(const ww_wasi *wasi, int error, const ww_stat *facts,
                              ww_hash_result *result);

ww_new_times ww_wasi_new_times(const wasi_filesystem_new_timestamp *accessed,
                               const wasi_filesystem_new_timestamp *modified);

/* --- functions of open descriptors: descriptor.c */

ww_status ww_wasi_fd_read_via_stream(ww_call *call, ww_descriptor *self, uint64_t offset,
                                     wasi_filesystem_result_input_stream_error_code *result);
ww_status ww_wasi_fd_write_via_stream(ww_call *call, ww_descriptor *self, uint64_t offset,
                                      wasi_filesystem_result_output_stream_error_code *result);
ww_status ww_wasi_fd_append_via_stream(ww_call *call, ww_descriptor *self,
                                       wasi_filesystem_result_output_stream_error_code *result);
ww_status ww_wasi_fd_advise(ww_call *call, ww_descriptor *self, uint64_t offset, uint64_t length,
                            wasi_filesystem_advice advice, ww_none_result *result);
ww_status ww_wasi_fd_sync_data(ww_call *call, ww_descriptor *self, ww_none_result *result);
ww_status ww_wasi_fd_get_flags(ww_call *call, ww_descriptor *self,
                               wasi_filesystem_result_descriptor_flags_error_code *result);
ww_status ww_wasi_fd_get_type(ww_call *call, ww_descriptor *self,
                              wasi_filesystem_result_descriptor_type_error_code *result);
ww_status ww_wasi_fd_set_size(ww_call *call, ww_descriptor *self, uint64_t size,
                              ww_none_result *result);
ww_status ww_wasi_fd_set_times(ww_call *call, ww_descriptor *self,
                               const wasi_filesystem_new_timestamp *accessed,
                               const wasi_filesystem_new_timestamp *modified,
                               ww_none_result *result);
ww_status ww_wasi_fd_read(ww_call *call, ww_descriptor *self, uint64_t length, uint64_t offset,
                          ww_read_result *result);
ww_status ww_wasi_fd_write(ww_call *call, ww_descriptor *self, ww_view buffer, uint64_t offset,
                           ww_write_result *result);
ww_status ww_wasi_fd_sync(ww_call *call, ww_descriptor *self, ww_none_result *result);
ww_status ww_wasi_fd_stat(ww_call *call, ww_descriptor *self, ww_stat_result *result);
ww_status ww_wasi_fd_is_same_object(ww_call *call, ww_descriptor *self, ww_descriptor *other,
                                    bool *result);
ww_status ww_wasi_fd_metadata_hash(ww_call *call, ww_descriptor *self, ww_hash_result *result);
