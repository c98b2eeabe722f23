/* Many rows in one call as the header of the interface says, for plug-ins that decide at one. */
#ifndef ROW_BY_ROW_H
#define ROW_BY_ROW_H

#include "pairloom_strategy.h"

static int is_held(const pairloom_answer *answer, int32_t held) {
    switch (answer->signal) {
    case PAIRLOOM_SIGNAL_NONE: return 1;
    case PAIRLOOM_SIGNAL_LONG: return held == 1;
    case PAIRLOOM_SIGNAL_SHORT: return held == -1;
    case PAIRLOOM_SIGNAL_CLOSE: return held == 0;
    default: return 0;
    }
}

static int32_t row_by_row(int32_t (*decide)(void *, const pairloom_ctx *, pairloom_answer *), void *state,
                          pairloom_ctx *ctx, const pairloom_rows *rows, pairloom_answer *answer, size_t *taken) {
    double *values = (double *)ctx->values;
    for (size_t row = 0; row < rows->count; row++) {
        *taken = row + 1;
        for (size_t place = 0; place < ctx->value_count; place++)
            values[place] = row == 0 ? rows->slots[place].first : rows->slots[place].later[row - 1];
        if (rows->last != NULL) ctx->unrealized_pnl = ctx->position * (rows->last[row] - ctx->entry_price);
        int32_t status = decide(state, ctx, answer);
        if (status != PAIRLOOM_OK) return status;
        if (!is_held(answer, rows->held) || answer->size_unit != PAIRLOOM_SIZE_OWN || answer->has_limit ||
            answer->request_count > 0)
            return PAIRLOOM_OK;
        answer->signal = PAIRLOOM_SIGNAL_NONE;
    }
    return PAIRLOOM_OK;
}

#endif
