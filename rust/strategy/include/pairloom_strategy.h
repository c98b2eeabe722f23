/* The interface between Pairloom and strategies that are built apart from it, version 2.
 *
 * The same as `abi.rs` and `rows.rs` of the crate pairloom-strategy, which explain every field; a test holds the two together. Give
 * Python a capsule named PAIRLOOM_CAPSULE that points to a pairloom_vtable which lives for ever. What the engine passes
 * is valid for the length of the call. Nothing may throw, unwind or jump over the border.
 */
#ifndef PAIRLOOM_STRATEGY_H
#define PAIRLOOM_STRATEGY_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PAIRLOOM_VERSION 2u
#define PAIRLOOM_CAPSULE "pairloom.strategy"
#define PAIRLOOM_TAG 32

enum { PAIRLOOM_OK = 0, PAIRLOOM_ERROR = 1, PAIRLOOM_PANIC = 2 };
enum {
    PAIRLOOM_READS_EVENT = 1,
    PAIRLOOM_READS_POSITION = 2,
    PAIRLOOM_READS_ACCOUNT = 4,
    PAIRLOOM_READS_ORDERS = 8
};
enum { PAIRLOOM_CANDLE = 0, PAIRLOOM_QUOTE = 1, PAIRLOOM_TRADE = 2, PAIRLOOM_NO_EVENT = 3 };
enum {
    PAIRLOOM_HOOK_START = 0,
    PAIRLOOM_HOOK_FILL = 1,
    PAIRLOOM_HOOK_ORDER = 2,
    PAIRLOOM_HOOK_REFUSED = 3,
    PAIRLOOM_HOOK_STOP = 4
};
enum {
    PAIRLOOM_SIGNAL_NONE = 0,
    PAIRLOOM_SIGNAL_LONG = 1,
    PAIRLOOM_SIGNAL_SHORT = 2,
    PAIRLOOM_SIGNAL_CLOSE = 3,
    PAIRLOOM_SIGNAL_REVERSE = 4,
    PAIRLOOM_SIGNAL_TARGET = 5
};
enum { PAIRLOOM_SIZE_OWN = 0, PAIRLOOM_SIZE_BASE = 1, PAIRLOOM_SIZE_QUOTE = 2, PAIRLOOM_SIZE_EQUITY = 3 };
enum {
    PAIRLOOM_BUY = 1,
    PAIRLOOM_SELL = 2,
    PAIRLOOM_REPLACE = 3,
    PAIRLOOM_CANCEL = 4,
    PAIRLOOM_CANCEL_ALL = 5
};
enum { PAIRLOOM_GTC = 0, PAIRLOOM_IOC = 1, PAIRLOOM_FOK = 2 };

/* UTF-8, not terminated. */
typedef struct pairloom_text {
    const char *data;
    size_t len;
} pairloom_text;

typedef struct pairloom_message {
    char *data;
    size_t capacity;
    size_t len;
} pairloom_message;

typedef struct pairloom_parameter {
    pairloom_text name;
    pairloom_text text;
    double number;
    uint32_t is_text;
} pairloom_parameter;

typedef struct pairloom_indicator_request {
    pairloom_text kind;
    const pairloom_parameter *parameters;
    size_t parameter_count;
    pairloom_text on;
    int64_t of;
    uint32_t keep;
    uint32_t required;
} pairloom_indicator_request;

typedef struct pairloom_setup {
    uint32_t size;
    uint32_t kind;
    pairloom_text pair;
    void *host;
    int64_t (*indicator)(void *host, const pairloom_indicator_request *request, pairloom_message *message);
    int64_t (*column)(void *host, pairloom_text name, pairloom_message *message);
} pairloom_setup;

typedef struct pairloom_order {
    uint64_t id;
    int32_t side;
    uint32_t reserved;
    double quantity;
    double limit;
} pairloom_order;

typedef struct pairloom_ctx {
    uint32_t size;
    uint32_t kind;
    int64_t now;
    int64_t ts;
    int64_t opening_ts;
    double event[5];
    double position;
    double entry_price;
    double unrealized_pnl;
    double equity;
    double cash;
    const double *values;
    size_t value_count;
    const double *window[5];
    size_t window_len;
    const pairloom_order *orders;
    size_t order_count;
} pairloom_ctx;

/* A value at the first of several rows, and those at the rows behind it. */
typedef struct pairloom_slot {
    double first;
    const double *later;
} pairloom_slot;

/* What changes from row to row. `ts` may be null (then it is opening_ts + interval), so may each column of `event`, and
 * `last` where nothing is held. */
typedef struct pairloom_rows {
    uint32_t size;
    int32_t held;
    size_t count;
    const int64_t *opening_ts;
    const int64_t *ts;
    int64_t interval;
    const double *event[5];
    const pairloom_slot *slots;
    const double *last;
} pairloom_rows;

typedef struct pairloom_hook {
    uint32_t size;
    uint32_t kind;
    int64_t ts;
    uint64_t order_id;
    uint64_t client_id;
    int32_t side;
    uint32_t is_maker;
    double quantity;
    double price;
    double fee;
    pairloom_text name;
    pairloom_text reason;
    pairloom_text tag;
} pairloom_hook;

typedef struct pairloom_request {
    uint32_t action;
    uint32_t tif;
    uint64_t id;
    double quantity;
    double limit;
    uint32_t reduce_only;
    uint32_t tag_len;
    uint8_t tag[PAIRLOOM_TAG];
} pairloom_request;

typedef struct pairloom_answer {
    uint32_t size;
    uint32_t signal;
    uint32_t size_unit;
    uint32_t has_limit;
    double signal_size;
    double signal_limit;
    uint64_t next_id;
    pairloom_request *requests;
    size_t request_capacity;
    size_t request_count;
    pairloom_message message;
} pairloom_answer;

/* `create` and `generate_signal` may not be null. `generate_signals` decides at one row after the other, as
 * `generate_signal` would at each, and stops behind the first whose answer asks for something else than the side that
 * `held` says, or that fails; `taken` takes how many rows that were. Before the next row it takes its answer back. Without
 * `clone`, with a window, or where the account or more than eight values are read, it is not called. */
typedef struct pairloom_vtable {
    uint32_t version;
    uint32_t size;
    pairloom_text name;
    uint32_t reads;
    uint32_t hooks;
    uint32_t events;
    uint32_t reserved;
    int32_t (*create)(const pairloom_parameter *given, size_t count, void **state, pairloom_message *message);
    size_t (*window)(const void *state);
    int32_t (*setup)(void *state, pairloom_setup *setup, pairloom_message *message);
    int32_t (*generate_signal)(void *state, const pairloom_ctx *ctx, pairloom_answer *answer);
    int32_t (*generate_signals)(void *state, pairloom_ctx *ctx, const pairloom_rows *rows, pairloom_answer *answer,
                                size_t *taken);
    int32_t (*on_hook)(void *state, const pairloom_ctx *ctx, const pairloom_hook *hook, pairloom_answer *answer);
    void *(*clone)(const void *state);
    void (*drop)(void *state);
} pairloom_vtable;

#ifdef __cplusplus
}
#endif

#endif
