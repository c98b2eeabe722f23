/* `Actor` and `Answering` of tests/actors.py in C: the same script gives the same orders. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pairloom_strategy.h"
#include "row_by_row.h"

typedef struct actor {
    int64_t x, rate, errs, calls, price, slow;
    uint64_t last;
    int orders, panics;
    double money;
} actor;

static _Atomic long alive = 0; /* Threads share strategies where these are dear. */

long actors_alive(void) { return alive; }

static int64_t draw(actor *self) { return self->x = (self->x * 1103515245 + 12345) % 2147483648; }

static int64_t below(int64_t x, int64_t bound) { return x / 65536 % bound; }

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
    actor made = {1, 3, 0, 0, 0, 0, 0, 1, 0, 50.0};
    for (size_t i = 0; i < count; i++) {
        double number = given[i].number;
        if (is_named(given[i].name, "script")) made.x = (int64_t)number;
        else if (is_named(given[i].name, "rate")) made.rate = (int64_t)number;
        else if (is_named(given[i].name, "errs")) made.errs = (int64_t)number;
        else if (is_named(given[i].name, "orders")) made.orders = number != 0;
        else if (is_named(given[i].name, "panics")) made.panics = number != 0;
        else if (is_named(given[i].name, "money")) made.money = number;
        else return fail(message, "it has script, rate, errs, orders, panics and money");
    }
    actor *kept = malloc(sizeof *kept);
    *kept = made;
    alive++;
    *state = kept;
    return PAIRLOOM_OK;
}

static int64_t indicator(pairloom_setup *setup, const char *kind, double period, pairloom_message *message) {
    pairloom_parameter parameter = {text("period"), text(""), period, 0};
    pairloom_indicator_request request = {text(kind), &parameter, 1, text(""), -1, 1, 1};
    return setup->indicator(setup->host, &request, message);
}

static int32_t setup(void *state, pairloom_setup *lent, pairloom_message *message) {
    actor *self = state;
    self->price = indicator(lent, "sma", 1, message);
    self->slow = indicator(lent, "ema", 5, message);
    return self->price < 0 || self->slow < 0 ? PAIRLOOM_ERROR : PAIRLOOM_OK;
}

static int32_t signal(pairloom_answer *answer, uint32_t kind) {
    answer->signal = kind;
    return PAIRLOOM_OK;
}

static int32_t target(pairloom_answer *answer, uint32_t kind, uint32_t unit, double size) {
    answer->size_unit = unit;
    answer->signal_size = size;
    return signal(answer, kind);
}

static int32_t limited(pairloom_answer *answer, double limit) {
    answer->has_limit = 1;
    answer->signal_limit = limit;
    return PAIRLOOM_OK;
}

static pairloom_request *request(pairloom_answer *answer, uint32_t action, uint64_t id) {
    pairloom_request *made = &answer->requests[answer->request_count++];
    memset(made, 0, sizeof *made);
    made->action = action;
    made->id = id;
    made->quantity = made->limit = NAN;
    return made;
}

static pairloom_request *order(actor *self, pairloom_answer *answer, uint32_t side, double quantity, double limit) {
    pairloom_request *made = request(answer, side, answer->next_id);
    made->quantity = quantity;
    made->limit = limit;
    self->last = answer->next_id++;
    return made;
}

static int32_t generate_signal(void *state, const pairloom_ctx *ctx, pairloom_answer *answer) {
    actor *self = state;
    if (++self->calls == self->errs) {
        int32_t status = fail(&answer->message, "out of ideas");
        return self->panics ? PAIRLOOM_PANIC : status;
    }
    if (below(draw(self), self->rate) > 0) return PAIRLOOM_OK;
    int64_t roll = below(draw(self), self->orders ? 21 : 13);
    draw(self);
    double near = 0.97 + 0.01 * (double)below(self->x, 7);
    double quantity = 0.25 + 0.25 * (double)below(self->x, 9);
    double price = ctx->values[self->price];
    pairloom_request *made;
    switch (roll) {
    case 0:
    case 1:
    case 2:
        return signal(answer, price > ctx->values[self->slow] ? PAIRLOOM_SIGNAL_LONG : PAIRLOOM_SIGNAL_SHORT);
    case 3: return signal(answer, PAIRLOOM_SIGNAL_CLOSE);
    case 4: return signal(answer, PAIRLOOM_SIGNAL_REVERSE);
    case 5: return target(answer, PAIRLOOM_SIGNAL_LONG, PAIRLOOM_SIZE_BASE, quantity);
    case 6: return target(answer, PAIRLOOM_SIGNAL_SHORT, PAIRLOOM_SIZE_QUOTE, self->money * quantity);
    case 7: return target(answer, PAIRLOOM_SIGNAL_TARGET, PAIRLOOM_SIZE_BASE, quantity - 1.25);
    case 8: signal(answer, PAIRLOOM_SIGNAL_LONG); return limited(answer, price * near);
    case 9:
        target(answer, PAIRLOOM_SIGNAL_SHORT, PAIRLOOM_SIZE_BASE, quantity);
        return limited(answer, price * near);
    case 10: return target(answer, PAIRLOOM_SIGNAL_LONG, PAIRLOOM_SIZE_EQUITY, quantity * 0.5);
    case 11: return signal(answer, ctx->unrealized_pnl < 0.0 ? PAIRLOOM_SIGNAL_CLOSE : PAIRLOOM_SIGNAL_LONG);
    case 12:
        if (ctx->position == 0.0) return signal(answer, PAIRLOOM_SIGNAL_LONG);
        return target(answer, PAIRLOOM_SIGNAL_TARGET, PAIRLOOM_SIZE_BASE, ctx->position * 0.5);
    case 13: order(self, answer, PAIRLOOM_BUY, quantity, NAN); break;
    case 14: order(self, answer, PAIRLOOM_SELL, quantity, NAN); break;
    case 15: order(self, answer, PAIRLOOM_BUY, quantity, price * near); break;
    case 16:
        order(self, answer, PAIRLOOM_SELL, quantity, price * near);
        return signal(answer, ctx->order_count > 1 ? PAIRLOOM_SIGNAL_LONG : PAIRLOOM_SIGNAL_NONE);
    case 17:
        made = order(self, answer, PAIRLOOM_SELL, quantity, NAN);
        made->reduce_only = 1;
        break;
    case 18:
        if (self->last == 0) break;
        made = request(answer, PAIRLOOM_REPLACE, self->last);
        made->quantity = quantity;
        made->limit = price * near;
        break;
    case 19:
        if (self->last > 0) request(answer, PAIRLOOM_CANCEL, self->last);
        break;
    default: request(answer, PAIRLOOM_CANCEL_ALL, 0);
    }
    return PAIRLOOM_OK;
}

static int32_t generate_signals(void *state, pairloom_ctx *ctx, const pairloom_rows *rows, pairloom_answer *answer,
                                size_t *taken) {
    return row_by_row(generate_signal, state, ctx, rows, answer, taken);
}

static int32_t on_hook(void *state, const pairloom_ctx *ctx, const pairloom_hook *hook, pairloom_answer *answer) {
    actor *self = state;
    (void)ctx;
    draw(self);
    if (hook->kind == PAIRLOOM_HOOK_REFUSED) {
        if (below(self->x, 3) == 0) request(answer, PAIRLOOM_CANCEL_ALL, 0);
        return PAIRLOOM_OK;
    }
    int64_t roll = below(self->x, 4);
    if (roll == 0) order(self, answer, PAIRLOOM_SELL, 0.5, hook->price * 1.01);
    return signal(answer, roll == 1 ? PAIRLOOM_SIGNAL_CLOSE : PAIRLOOM_SIGNAL_NONE);
}

static void *copy(const void *state) {
    actor *made = malloc(sizeof *made);
    memcpy(made, state, sizeof *made);
    alive++;
    return made;
}

static void drop(void *state) {
    alive--;
    free(state);
}

pairloom_vtable actor_functions = {
    PAIRLOOM_VERSION, sizeof(pairloom_vtable), {"actor", 5}, PAIRLOOM_READS_POSITION | PAIRLOOM_READS_ORDERS, 0, 0, 0,
    create, NULL, setup, generate_signal, generate_signals, NULL, copy, drop,
};

/* Without the function for many rows each of them is a call. */
pairloom_vtable actor_row_by_row = {
    PAIRLOOM_VERSION, sizeof(pairloom_vtable), {"actor", 5}, PAIRLOOM_READS_POSITION | PAIRLOOM_READS_ORDERS, 0, 0, 0,
    create, NULL, setup, generate_signal, NULL, NULL, copy, drop,
};

pairloom_vtable actor_with_hooks = {
    PAIRLOOM_VERSION, sizeof(pairloom_vtable), {"answering", 9}, PAIRLOOM_READS_POSITION | PAIRLOOM_READS_ORDERS,
    1u << PAIRLOOM_HOOK_FILL | 1u << PAIRLOOM_HOOK_REFUSED, 0, 0,
    create, NULL, setup, generate_signal, NULL, on_hook, copy, drop,
};

/* Without a copy it is never evaluated ahead. */
pairloom_vtable actor_without_copy = {
    PAIRLOOM_VERSION, sizeof(pairloom_vtable), {"actor", 5}, PAIRLOOM_READS_POSITION | PAIRLOOM_READS_ORDERS, 0, 0, 0,
    create, NULL, setup, generate_signal, NULL, NULL, NULL, drop,
};
