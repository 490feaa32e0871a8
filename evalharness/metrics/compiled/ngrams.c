/* How many n-grams of a hypothesis its references have: BLEU's and chrF's counts, exactly. */
#include "texts.h"

#include <stdlib.h>
#include <string.h>

/* An n-gram is the number of its first n - 1 units (0 for none) and its last unit, so equal keys are equal n-grams. */
typedef struct {
    uint64_t *keys;
    uint32_t *numbers; /* 0 where a slot is empty */
    uint64_t n_slots;
    int shift; /* 64 - log2(n_slots) */
    struct Count {
        uint32_t text; /* whose count `here` is */
        uint32_t here, most;
    } *counts; /* [number] */
    uint32_t n_numbers;
    int64_t key_space, number_space, count_space;
} Table;

static int empty_table(Table *t, int64_t most_ngrams) {
    int bits = 6;
    while (((uint64_t)1 << bits) < 2 * (uint64_t)most_ngrams) bits++;
    if (most_ngrams >= UINT32_MAX) return 0; /* more n-grams than numbers */
    int64_t n_slots = (int64_t)1 << bits;
    if (!reserve(&t->keys, &t->key_space, n_slots, sizeof *t->keys) ||
        !reserve(&t->numbers, &t->number_space, n_slots, sizeof *t->numbers) ||
        !reserve(&t->counts, &t->count_space, most_ngrams + 1, sizeof *t->counts))
        return 0;
    memset(t->numbers, 0, (size_t)n_slots * sizeof *t->numbers);
    t->n_slots = (uint64_t)n_slots;
    t->shift = 64 - bits;
    t->n_numbers = 0;
    return 1;
}

/* The slot that holds the n-gram, or the empty one where it belongs. */
static uint64_t slot_of(const Table *t, uint64_t key) {
    uint64_t slot = key * 0x9E3779B97F4A7C15u >> t->shift;
    while (t->numbers[slot] != 0 && t->keys[slot] != key) slot = (slot + 1) & (t->n_slots - 1);
    return slot;
}

static void count_reference(Table *t, const uint32_t *units, int64_t length, int64_t max_order, uint32_t text) {
    for (int64_t begin = 0; begin < length; begin++) {
        uint32_t number = 0;
        for (int64_t place = begin; place < length && place < begin + max_order; place++) {
            uint64_t key = (uint64_t)number << 32 | units[place];
            uint64_t slot = slot_of(t, key);
            if (t->numbers[slot] == 0) {
                t->keys[slot] = key;
                t->numbers[slot] = ++t->n_numbers;
                t->counts[t->n_numbers] = (struct Count){.text = text, .here = 0, .most = 0};
            }
            number = t->numbers[slot];
            struct Count *count = &t->counts[number];
            if (count->text != text) count->text = text, count->here = 0;
            if (++count->here > count->most) count->most = count->here;
        }
    }
}

static void match_hypothesis(Table *t, const uint32_t *units, int64_t length, int64_t max_order, uint32_t text,
                             int64_t *matches) {
    for (int64_t order = 0; order < max_order; order++) matches[order] = 0;
    for (int64_t begin = 0; begin < length; begin++) {
        uint32_t number = 0;
        /* What the references lack cannot start a longer n-gram that they have. */
        for (int64_t place = begin; place < length && place < begin + max_order; place++) {
            number = t->numbers[slot_of(t, (uint64_t)number << 32 | units[place])];
            if (number == 0) break;
            struct Count *count = &t->counts[number];
            if (count->text != text) count->text = text, count->here = 0;
            if (count->here < count->most) count->here++, matches[place - begin]++;
        }
    }
}

/* Matches of orders 1 to max_order, each n-gram counted no more often than the reference has it.

   lengths: [all texts] out, in units. matches: out, group by group, hypothesis by hypothesis, and unless
   `merge_references` (every n-gram's largest count over them, as in BLEU) reference by reference: [.., max_order]. */
EXPORTED int evalharness_clipped_matches(const uint32_t *code_points, const int64_t *ends, const int64_t *n_references,
                                         const int64_t *n_hypotheses, int64_t n_groups, int32_t units,
                                         int64_t max_order, int32_t merge_references, int64_t *lengths,
                                         int64_t *matches) {
    Groups groups = {code_points, ends, n_references, n_hypotheses, n_groups};
    Vocabulary vocabulary = {0};
    UnitTexts references = {0}, hypotheses = {0};
    Table table = {0};
    int64_t first_reference = 0, first_hypothesis = 0;
    int result = OUT_OF_MEMORY;

    for (int64_t group = 0; group < n_groups; group++) first_hypothesis += n_references[group];
    for (int64_t group = 0; group < n_groups; group++) {
        int64_t n_refs = n_references[group], n_hyps = n_hypotheses[group];
        if (!cut_texts(&groups, first_reference, first_reference + n_refs, (enum Units)units, &vocabulary, 1,
                       &references) ||
            !cut_texts(&groups, first_hypothesis, first_hypothesis + n_hyps, (enum Units)units, &vocabulary, 0,
                       &hypotheses))
            goto done;
        for (int64_t r = 0; r < n_refs; r++) lengths[first_reference + r] = references.starts[r + 1] - references.starts[r];
        for (int64_t h = 0; h < n_hyps; h++)
            lengths[first_hypothesis + h] = hypotheses.starts[h + 1] - hypotheses.starts[h];

        int64_t at_once = merge_references ? n_refs : 1;
        int64_t n_kept = merge_references ? 1 : n_refs;
        for (int64_t r = 0; r < n_refs; r += at_once) {
            uint32_t text = 0; /* numbers texts within one table; 0 is none */
            int64_t n_units = references.starts[r + at_once] - references.starts[r];
            if (!empty_table(&table, n_units * (max_order < n_units ? max_order : n_units))) goto done;
            for (int64_t of = r; of < r + at_once; of++)
                count_reference(&table, references.units + references.starts[of],
                                references.starts[of + 1] - references.starts[of], max_order, ++text);
            for (int64_t h = 0; h < n_hyps; h++)
                match_hypothesis(&table, hypotheses.units + hypotheses.starts[h],
                                 hypotheses.starts[h + 1] - hypotheses.starts[h], max_order, ++text,
                                 matches + (h * n_kept + r / at_once) * max_order);
        }
        matches += n_hyps * n_kept * max_order;
        first_reference += n_refs;
        first_hypothesis += n_hyps;
    }
    result = 0;
done:
    free_vocabulary(&vocabulary);
    free_unit_texts(&references);
    free_unit_texts(&hypotheses);
    free(table.keys), free(table.numbers), free(table.counts);
    return result;
}
