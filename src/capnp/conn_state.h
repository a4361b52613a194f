/* capnp/conn_state.h - the tables of a connection. Private to the conn*.c files.
 *
 * Invariants
 * N1  questions[i]: in use from the Call until both its Return has come and its Finish is sent (or is not due).
 * N2  exports[i].refs counts how often the peer was told of it, less its Releases; 0 means free. The entry holds the
 *     very reference that was described: messages for it go there and no further, see capnp_follow.
 * N3  An import's remote_refs counts how often we were told of it; all of them are given back in one Release.
 * N4  answers maps the peer's numbers to calls: until the Return is sent and the Finish came.
 * N5  Once `is_over`, the tables are empty and nothing is sent but what is in the output already.
 */
#pragma once
#include "capnp/idmap.h"
#include "capnp/rpc.capnp.h"
#include "capnp/vat.h"

typedef struct capnp_question {
    ww_capnp_call *call; /* NULL: nobody waits */
    capnp_ids exports;   /* of the parameters */
    uint32_t next_free;
    bool in_use, has_returned, finish_is_sent;
} capnp_question;

typedef struct capnp_export {
    ww_capnp_cap *cap;
    uint32_t refs;
    uint32_t
        next_free; /* of a free entry; 1 for an entry whose promise was resolved: not to be used again */
} capnp_export;

typedef struct capnp_embargo {
    capnp_promise *promise; /* NULL: free */
} capnp_embargo;

struct ww_capnp_conn {
    ww_capnp_vat *vat;
    capnp_arena *arena; /* of all that is here, and of this */
    uint32_t refs;
    bool is_over;
    ww_capnp_cap *bootstrap;
    capnp_question *questions;
    uint32_t question_count, question_capacity, question_free, questions_used;
    capnp_export *exports;
    uint32_t export_count, export_capacity, export_free, exports_used;
    capnp_embargo *embargoes;
    uint32_t embargo_capacity, embargoes_used;
    capnp_idmap answers, imports;
    capnp_idmap
        other_exports; /* numbers of capabilities whose own slot belongs to another connection, by address */
    capnp_chunk *input;
    size_t input_start; /* of the message that is arriving */
    capnp_parcel *output_first, *output_last;
    size_t output_sent; /* of output_first */
    uint64_t output_words;
    uint64_t output_cost; /* words of memory that the output takes */
    uint64_t held_words;  /* see ww_capnp_limits */
    uint32_t tokens;      /* Disembargos of the peer that wait their turn */
    ww_capnp_wake *wake;
    char reason[WW_CAPNP_REASON_MAX]; /* why it is over */
    uint32_t fds_max, fd_count;
    int fds[WW_CAPNP_FDS_MAX]; /* see attach.c */
};

enum { CAPNP_NONE = UINT32_MAX, EXPORT_STALE = 1 };

/* ---- conn_tables.c ---- */

capnp_question *capnp_question_new(ww_capnp_conn *conn,
                                   uint32_t *id);                    /* NULL: full, or no memory */
capnp_question *capnp_question_at(ww_capnp_conn *conn, uint32_t id); /* NULL: not in use */
void capnp_question_free(ww_capnp_conn *conn, uint32_t id);

/* Adds a reference under which the peer may speak of `cap`; CAPNP_NONE: full, or no memory. */
uint32_t capnp_export_add(ww_capnp_conn *conn, ww_capnp_cap *cap, bool *is_new);
capnp_export *capnp_export_at(ww_capnp_conn *conn, uint32_t id); /* NULL: not in use */
/* False: not that many references. */
bool capnp_export_release(ww_capnp_conn *conn, uint32_t id, uint32_t count);
/* The entry now stands for another capability, and no other message will find it by that. */
void capnp_export_repoint(ww_capnp_conn *conn, uint32_t id, ww_capnp_cap *cap);

bool capnp_ids_add(const ww_allocator *allocator, capnp_ids *ids, uint32_t id);
void capnp_ids_release(ww_capnp_conn *conn,
                       capnp_ids *ids); /* gives back the references and empties */
void capnp_ids_forget(ww_capnp_conn *conn, capnp_ids *ids); /* only empties */

/* ---- parcel.c ---- */

rpc_message_b capnp_parcel_message(capnp_parcel *parcel); /* its root, which is made if need be */
/* Places in what capnp_parcel_begin_call and _return began: */
rpc_call_b capnp_parcel_call(capnp_parcel *parcel);
rpc_message_target_b capnp_parcel_call_target(capnp_parcel *parcel);
rpc_payload_b capnp_parcel_call_params(capnp_parcel *parcel);
rpc_return_b capnp_parcel_return(capnp_parcel *parcel);
rpc_payload_b capnp_parcel_return_results(capnp_parcel *parcel);

/* ---- attach.c ---- */

/* The capability gets the arrived descriptor of that number, if there is one and nobody has it yet. */
void capnp_conn_claim_fd(ww_capnp_conn *conn, ww_capnp_cap *cap, uint8_t index);
void capnp_conn_drop_fds(ww_capnp_conn *conn); /* of the message that was read */
/* `parcel` may be NULL. */
void capnp_parcel_add_fd(const ww_capnp_conn *conn, capnp_parcel *parcel, rpc_cap_descriptor_b d,
                         ww_capnp_cap *cap);

/* ---- conn_send.c ---- */

uint64_t capnp_parcel_words(const capnp_parcel *parcel); /* of its segments */
uint64_t capnp_parcel_cost(const capnp_parcel *parcel);  /* words of memory */
/* Takes the parcel; what cannot be sent any more is dropped. */
void capnp_conn_write(ww_capnp_conn *conn, capnp_parcel *parcel);
capnp_parcel *
capnp_conn_parcel(ww_capnp_conn *conn); /* NULL: the connection is ended for want of memory */
void capnp_conn_send_finish(ww_capnp_conn *conn, uint32_t id, bool release_results);
/* The answer to a question that gets no entry: it failed as overloaded, and no Finish is due. */
void capnp_conn_send_refusal(ww_capnp_conn *conn, uint32_t answer, const char *reason);
void capnp_conn_send_release(ww_capnp_conn *conn, uint32_t id, uint32_t count);
void capnp_conn_send_unimplemented(ww_capnp_conn *conn, rpc_message_r message);
void capnp_write_exception(rpc_exception_b e, ww_capnp_exception type, const char *reason);
void capnp_question_check(ww_capnp_conn *conn,
                          uint32_t id); /* finishes and frees it when it is time */

/* ---- conn_receive.c ---- */

/* One whole message; takes the letter. */
void capnp_conn_message(ww_capnp_conn *conn, capnp_letter *letter);
/* Ends it: everything open fails with `reason`. */
void capnp_conn_end(ww_capnp_conn *conn, ww_capnp_exception type, const char *reason);
