/* A strategy in C, for the tests: `sma_cross` on the interface of the header, with what it does wrong as a parameter. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pairloom_strategy.h"
#include "row_by_row.h"

typedef struct cross {
    double fast, slow, errs;
    int64_t first, second;
    long calls;
} cross;

static _Atomic long alive = 0; /* Threads share strategies where these are dear. */

long cross_alive(void) { return alive; }

static pairloom_text text(const char *words) {
    pairloom_text made = {words, strlen(words)};
    return made;
}

static int32_t fail(pairloom_message *message, const char *words) {
    size_t len = strlen(words);
    if (len > message->capacity) len = message->capacity;
    memcpy(message->data, words, len);
    message->len = len;
    return PAIRLOOM_ERROR;
}

static int is_named(pairloom_text name, const char *words) {
    return name.len == strlen(words) && memcmp(name.data, words, name.len) == 0;
}

static int32_t create(const pairloom_parameter *given, size_t count, void **state, pairloom_message *message) {
    cross *made = calloc(1, sizeof *made);
    made->fast = 10;
    made->slow = 30;
    for (size_t i = 0; i < count; i++) {
        if (given[i].is_text) {
            free(made);
            return fail(message, "every parameter is a number");
        }
        if (is_named(given[i].name, "fast")) made->fast = given[i].number;
        else if (is_named(given[i].name, "slow")) made->slow = given[i].number;
        else if (is_named(given[i].name, "errs")) made->errs = given[i].number;
        else {
            free(made);
            return fail(message, "it has fast, slow and errs");
        }
    }
    alive++;
    *state = made;
    return PAIRLOOM_OK;
}

static int64_t average(pairloom_setup *setup, double period, pairloom_message *message) {
    pairloom_parameter parameter = {text("period"), text(""), period, 0};
    pairloom_indicator_request request = {text("sma"), &parameter, 1, text(""), -1, 1, 1};
    return setup->indicator(setup->host, &request, message);
}

static int32_t setup(void *state, pairloom_setup *lent, pairloom_message *message) {
    cross *self = state;
    self->first = average(lent, self->fast, message);
    self->second = average(lent, self->slow, message);
    return self->first < 0 || self->second < 0 ? PAIRLOOM_ERROR : PAIRLOOM_OK;
}

static int32_t generate_signal(void *state, const pairloom_ctx *ctx, pairloom_answer *answer) {
    cross *self = state;
    if (++self->calls == 50) {
        if (self->errs == 1) return fail(&answer->message, "out of ideas");
        if (self->errs == 2) return 9;
        if (self->errs == 4) {
            fail(&answer->message, "lost the thread");
            return PAIRLOOM_PANIC;
        }
        if (self->errs == 3) {
            answer->signal = 17;
            return PAIRLOOM_OK;
        }
    }
    answer->signal =
        ctx->values[self->first] > ctx->values[self->second] ? PAIRLOOM_SIGNAL_LONG : PAIRLOOM_SIGNAL_SHORT;
    return PAIRLOOM_OK;
}

long calls_of_many = 0;

static int32_t generate_signals(void *state, pairloom_ctx *ctx, const pairloom_rows *rows, pairloom_answer *answer,
                                size_t *taken) {
    calls_of_many++;
    return row_by_row(generate_signal, state, ctx, rows, answer, taken);
}

/* Claims that it took in more rows than there are, and none at all. */
static int32_t takes_too_many(void *state, pairloom_ctx *ctx, const pairloom_rows *rows, pairloom_answer *answer,
                              size_t *taken) {
    int32_t status = generate_signals(state, ctx, rows, answer, taken);
    if (*taken == rows->count) *taken = (size_t)-1;
    return status;
}

static int32_t takes_none(void *state, pairloom_ctx *ctx, const pairloom_rows *rows, pairloom_answer *answer,
                          size_t *taken) {
    (void)state, (void)ctx, (void)rows, (void)answer, (void)taken;
    return PAIRLOOM_OK;
}

static void *copy(const void *state) {
    cross *made = malloc(sizeof *made);
    memcpy(made, state, sizeof *made);
    alive++;
    return made;
}

static void drop(void *state) {
    alive--;
    free(state);
}

#define CROSS(table, version, size, create, decide, many)                                                              \
    pairloom_vtable table = {version, size, {"c_cross", 7}, 0, 0, 0, 0, create, NULL, setup, decide, many, NULL, copy, drop}
#define SIZE sizeof(pairloom_vtable)

CROSS(cross_functions, PAIRLOOM_VERSION, SIZE, create, generate_signal, NULL);
CROSS(cross_of_many_rows, PAIRLOOM_VERSION, SIZE, create, generate_signal, generate_signals);

/* As one built for another version would be, and one of this version whose author changed the header. */
CROSS(cross_of_tomorrow, PAIRLOOM_VERSION + 1, SIZE, create, generate_signal, NULL);
CROSS(cross_of_another_size, PAIRLOOM_VERSION, SIZE + 8, create, generate_signal, NULL);

/* Mistakes. */
CROSS(cross_of_too_many_rows, PAIRLOOM_VERSION, SIZE, create, generate_signal, takes_too_many);
CROSS(cross_of_no_rows, PAIRLOOM_VERSION, SIZE, create, generate_signal, takes_none);
CROSS(cross_without_create, PAIRLOOM_VERSION, SIZE, NULL, generate_signal, NULL);
CROSS(cross_without_signals, PAIRLOOM_VERSION, SIZE, create, NULL, generate_signals);

/* What the two descriptions of the interface must agree on. */
size_t sizes(int which) {
    switch (which) {
    case 0: return sizeof(pairloom_vtable);
    case 1: return sizeof(pairloom_ctx);
    case 2: return sizeof(pairloom_answer);
    case 3: return sizeof(pairloom_request);
    case 4: return sizeof(pairloom_hook);
    case 5: return offsetof(pairloom_ctx, orders);
    case 6: return sizeof(pairloom_rows);
    case 7: return offsetof(pairloom_rows, slots);
    case 8: return sizeof(pairloom_slot);
    default: return 0;
    }
}
