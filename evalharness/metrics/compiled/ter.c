/* TER's number of edits: the beam edit distance after the block shifts that sacreBLEU's search finds, exactly.

   Source: sacreBLEU 2.6, metrics/lib_ter.py, itself after Tercom (Snover et al. 2006). Its number depends on its limits
   (beam, shift size and distance, number of candidates), so all of them are kept. What differs is how a distance is
   found:
   - bit-parallel (Myers 1999, Hyyro 2003), which knows no beam. Where the path it traces lies inside the beam, distance
     and path are the beam's too (align_by_bits): that is nearly always so between a translation and its reference;
   - row by row inside the beam, where it does not.
   Either way a shifted text is measured from the first word on that the shift moved. */
#include "texts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_SHIFT_SIZE = 10 };
enum { UNREACHABLE = 1 << 28 };           /* more than any distance, with room to add to */
enum { MOST_BLOCKS_OF_BITS = 1 << 22 };   /* in a table of bits; five of 32 MiB. Longer texts go into the beam at once */
enum Operation { KEEP, SUBSTITUTE, DELETE, INSERT }; /* DELETE uses up a hypothesis word, INSERT a reference word */

/* Move `length` words from `start` to before `target`, both places in the unshifted words. */
typedef struct {
    int32_t start, length, target;
} Shift;

/* What a shift does to the words: those of [first, first + width) turn left by `turn` places. Everything before `first`
   stays, so a distance can be continued from that row of the unshifted table. */
typedef struct {
    int32_t first, width, turn;
} Turn;

/* The words of one pair as shifted so far, their distance, and how they align. Row 0 of a table stands before the first
   hypothesis word. */
typedef struct {
    int64_t beam_width, max_candidates, max_distance; /* limits of the search */

    const uint32_t *reference;
    uint32_t *words, *shifted_words;
    int32_t n_hyp, n_ref;
    int64_t n_blocks; /* of 64 reference words */

    uint64_t *masks;                 /* [word, block]: where the reference has the word */
    int32_t *first_place, *next_place; /* of each word, and of the same word after each place; -1 for none */
    int32_t *near_place;               /* of each word: the first that is not too far before where a shift starts */
    uint32_t n_words;

    /* Bit j - 1 is reference word j. Rows 0 to n_hyp: where a cell is one more than its left neighbour (up), one less
       (down). Rows 1 to n_hyp at index row - 1: where the words are equal, where the cell equals the one diagonally
       before it (level), where it is one more than the one above (taller). */
    uint64_t *up, *down, *level, *taller;
    uint64_t *going_up, *going_down; /* [block]: a row being computed */

    int32_t *low, *high;      /* [row]: the beam, columns low to high - 1 */
    int32_t *beam;            /* [row, column - low]; row 0 is not stored */
    int64_t stride;
    int32_t *going, *gone;    /* rows of the beam being computed */

    int in_beam;              /* which table the alignment comes from */
    int32_t distance;
    int32_t *before;          /* [n_ref + 1]: the place after the hypothesis word each reference word is aligned with */
    int32_t *next_hyp_error, *next_ref_error; /* the next error at or after each place */

    Shift *candidates;
    int32_t n_candidates, n_checked;

    int64_t mask_space, first_space, near_space, next_space, words_space, shifted_space, up_space, down_space, level_space,
        taller_space, going_up_space, going_down_space, low_space, high_space, beam_space, going_space, gone_space,
        before_space, hyp_error_space, ref_error_space;
} Search;

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

/* ---- the words */

static int set_reference(Search *s, const uint32_t *reference, int64_t n_ref, uint32_t n_words) {
    s->reference = reference;
    s->n_ref = (int32_t)n_ref;
    s->n_blocks = (n_ref + 63) / 64;
    s->n_words = n_words;
    if (!reserve(&s->first_place, &s->first_space, (int64_t)n_words + 1, sizeof *s->first_place) ||
        !reserve(&s->near_place, &s->near_space, (int64_t)n_words + 1, sizeof *s->near_place) ||
        !reserve(&s->next_place, &s->next_space, n_ref + 1, sizeof *s->next_place))
        return 0;
    for (uint32_t word = 0; word <= n_words; word++) s->first_place[word] = -1;
    for (int64_t place = n_ref - 1; place >= 0; place--) {
        s->next_place[place] = s->first_place[reference[place]];
        s->first_place[reference[place]] = (int32_t)place;
    }
    if (((int64_t)n_words + 1) * s->n_blocks > MOST_BLOCKS_OF_BITS) return 1; /* set_hypothesis keeps from using them */
    if (!reserve(&s->masks, &s->mask_space, ((int64_t)n_words + 1) * s->n_blocks, sizeof *s->masks)) return 0;
    if (n_ref > 0) memset(s->masks, 0, ((size_t)n_words + 1) * (size_t)s->n_blocks * sizeof *s->masks);
    for (int64_t place = 0; place < n_ref; place++)
        s->masks[reference[place] * s->n_blocks + place / 64] |= (uint64_t)1 << place % 64;
    return 1;
}

static int fits_in_bits(const Search *s, uint32_t n_words) {
    int64_t rows = larger((int64_t)s->n_hyp + 1, (int64_t)n_words + 1);
    return rows <= MOST_BLOCKS_OF_BITS / s->n_blocks;
}

static void set_beam(Search *s) {
    double length_ratio = (double)s->n_ref / s->n_hyp;
    int64_t width = length_ratio / 2 > (double)s->beam_width ? (int64_t)ceil(length_ratio / 2 + (double)s->beam_width)
                                                              : s->beam_width;
    s->stride = 0;
    s->low[0] = 0, s->high[0] = s->n_ref + 1;
    for (int32_t row = 1; row <= s->n_hyp; row++) {
        int64_t diagonal = (int64_t)floor(row * length_ratio);
        s->low[row] = (int32_t)larger(0, diagonal - width);
        s->high[row] = row == s->n_hyp ? s->n_ref + 1 : (int32_t)smaller(s->n_ref + 1, diagonal + width);
        s->stride = larger(s->stride, s->high[row] - s->low[row]);
    }
}

static int set_hypothesis(Search *s, const uint32_t *hypothesis, int64_t n_hyp, uint32_t n_words, int *use_bits) {
    s->n_hyp = (int32_t)n_hyp;
    s->n_checked = 0;
    *use_bits = fits_in_bits(s, n_words);
    int64_t n_bits = *use_bits ? (n_hyp + 1) * s->n_blocks : 0;
    if (!reserve(&s->words, &s->words_space, n_hyp, sizeof *s->words) ||
        !reserve(&s->shifted_words, &s->shifted_space, n_hyp, sizeof *s->shifted_words) ||
        !reserve(&s->up, &s->up_space, n_bits, sizeof *s->up) ||
        !reserve(&s->down, &s->down_space, n_bits, sizeof *s->down) ||
        !reserve(&s->level, &s->level_space, n_bits, sizeof *s->level) ||
        !reserve(&s->taller, &s->taller_space, n_bits, sizeof *s->taller) ||
        !reserve(&s->going_up, &s->going_up_space, s->n_blocks, sizeof *s->going_up) ||
        !reserve(&s->going_down, &s->going_down_space, s->n_blocks, sizeof *s->going_down) ||
        !reserve(&s->low, &s->low_space, n_hyp + 1, sizeof *s->low) ||
        !reserve(&s->high, &s->high_space, n_hyp + 1, sizeof *s->high) ||
        !reserve(&s->before, &s->before_space, (int64_t)s->n_ref + 1, sizeof *s->before) ||
        !reserve(&s->next_hyp_error, &s->hyp_error_space, n_hyp, sizeof *s->next_hyp_error) ||
        !reserve(&s->next_ref_error, &s->ref_error_space, s->n_ref, sizeof *s->next_ref_error))
        return 0;
    memcpy(s->words, hypothesis, (size_t)n_hyp * sizeof *hypothesis);
    set_beam(s);
    return 1;
}

/* Where the block begins once it is moved. A target inside the block moves it on by as much, as in Tercom. */
static int32_t place_after_removal(Shift shift, int32_t n_hyp) {
    if (shift.target < shift.start) return shift.target;
    if (shift.target > shift.start + shift.length) return shift.target - shift.length;
    return (int32_t)smaller(shift.target, n_hyp - shift.length);
}

static Turn turn_of(Shift shift, int32_t n_hyp) {
    int32_t place = place_after_removal(shift, n_hyp);
    if (place < shift.start) return (Turn){place, shift.start - place + shift.length, shift.start - place};
    return (Turn){shift.start, place - shift.start + shift.length, shift.length};
}

/* The place in the unshifted words of the word that the shifted ones have `step` places after `first`. */
static int32_t source(Turn turn, int32_t step) {
    if (step >= turn.width) return turn.first + step;
    int32_t turned = step + turn.turn;
    return turn.first + (turned >= turn.width ? turned - turn.width : turned);
}

static void make_shift(Search *s, Shift shift) {
    Turn turn = turn_of(shift, s->n_hyp);
    memcpy(s->shifted_words, s->words, (size_t)turn.first * sizeof *s->words);
    for (int32_t step = 0; step < s->n_hyp - turn.first; step++)
        s->shifted_words[turn.first + step] = s->words[source(turn, step)];
}

static void take_shifted_words(Search *s) {
    uint32_t *words = s->words;
    int64_t space = s->words_space;
    s->words = s->shifted_words, s->words_space = s->shifted_space;
    s->shifted_words = words, s->shifted_space = space;
}

/* ---- how words align, from a path that is traced from its end to its start */

typedef struct {
    int32_t row, column, hyp_error, ref_error;
} Trace;

static Trace begin_trace(const Search *s) {
    int32_t far = s->n_hyp + s->n_ref + MAX_SHIFT_SIZE;
    s->before[0] = 0;
    return (Trace){s->n_hyp, s->n_ref, far, far};
}

static void step_back(Search *s, Trace *t, enum Operation operation) {
    if (operation != DELETE) {
        s->before[t->column--] = t->row;
        if (operation != KEEP) t->ref_error = t->column;
        s->next_ref_error[t->column] = t->ref_error;
    }
    if (operation != INSERT) {
        t->row--;
        if (operation != KEEP) t->hyp_error = t->row;
        s->next_hyp_error[t->row] = t->hyp_error;
    }
}

static void end_trace(Search *s, Trace *t) {
    while (t->row > 0) step_back(s, t, DELETE);
    while (t->column > 0) step_back(s, t, INSERT);
}

/* ---- bit-parallel */

static uint64_t add_with_carry(uint64_t a, uint64_t b, uint64_t *carry) {
    uint64_t sum = a + b;
    uint64_t with = sum + *carry;
    *carry = (uint64_t)(sum < a) | (uint64_t)(with < sum);
    return with;
}

/* One hypothesis word on. `level` and `taller` are written where they are not NULL. Bits past the reference's end are
   noise that never reaches the bits before them. */
static inline void next_bit_row(const uint64_t *equal, const uint64_t *up, const uint64_t *down, int64_t n_blocks,
                                uint64_t *next_up, uint64_t *next_down, uint64_t *level_row, uint64_t *taller_row) {
    uint64_t carry = 0, taller_in = 1, shorter_in = 0;
    for (int64_t block = 0; block < n_blocks; block++) {
        uint64_t same = equal[block], above = up[block], below = down[block];
        uint64_t level = (add_with_carry(same & above, above, &carry) ^ above) | same | below;
        uint64_t taller = below | ~(level | above), shorter = level & above;
        uint64_t more = taller << 1 | taller_in;
        if (level_row != NULL) level_row[block] = level, taller_row[block] = taller;
        next_up[block] = shorter << 1 | shorter_in | ~(level | more);
        next_down[block] = more & level;
        taller_in = taller >> 63, shorter_in = shorter >> 63;
    }
}

static int32_t count_bits(uint64_t bits) {
    bits -= bits >> 1 & 0x5555555555555555u;
    bits = (bits & 0x3333333333333333u) + (bits >> 2 & 0x3333333333333333u);
    bits = (bits + (bits >> 4)) & 0x0F0F0F0F0F0F0F0Fu;
    return (int32_t)(bits * 0x0101010101010101u >> 56);
}

/* The last cell of a row of bits, which stands after all hypothesis words. */
static int32_t last_cell(const Search *s, const uint64_t *up, const uint64_t *down) {
    int32_t cell = s->n_hyp;
    for (int64_t block = 0; block < s->n_blocks; block++) {
        uint64_t within = block + 1 < s->n_blocks || s->n_ref % 64 == 0 ? ~(uint64_t)0
                                                                        : ((uint64_t)1 << s->n_ref % 64) - 1;
        cell += count_bits(up[block] & within) - count_bits(down[block] & within);
    }
    return cell;
}

/* Aligns the words; 0 where the path leaves the beam. It is the beam's path where all its cells lie inside: a beam never
   lowers a cell, and the path's own cells keep their values, so on the path each operation that was cheapest still is,
   and one that was dearer is not chosen before it. */
static int align_by_bits(Search *s, const uint32_t *words) {
    int64_t n_blocks = s->n_blocks;
    for (int64_t block = 0; block < n_blocks; block++) s->up[block] = ~(uint64_t)0, s->down[block] = 0;
    for (int32_t row = 1; row <= s->n_hyp; row++) {
        int64_t last = (row - 1) * n_blocks, next = row * n_blocks;
        next_bit_row(s->masks + words[row - 1] * n_blocks, s->up + last, s->down + last, n_blocks, s->up + next,
                     s->down + next, s->level + last, s->taller + last);
    }
    Trace t = begin_trace(s);
    while (t.row > 0) {
        if (t.column < s->low[t.row] || t.column >= s->high[t.row]) return 0;
        if (t.column == 0) {
            step_back(s, &t, DELETE);
            continue;
        }
        int64_t block = (t.row - 1) * n_blocks + (t.column - 1) / 64;
        int bit = (t.column - 1) % 64;
        if (words[t.row - 1] == s->reference[t.column - 1]) step_back(s, &t, KEEP);
        else if (!(s->level[block] >> bit & 1)) step_back(s, &t, SUBSTITUTE);
        else if (s->taller[block] >> bit & 1) step_back(s, &t, DELETE);
        else step_back(s, &t, INSERT);
    }
    end_trace(s, &t);
    s->in_beam = 0;
    s->distance = last_cell(s, s->up + s->n_hyp * n_blocks, s->down + s->n_hyp * n_blocks);
    return 1;
}

static int32_t distance_by_bits(Search *s, Turn turn) {
    int64_t n_blocks = s->n_blocks;
    const uint64_t *up = s->up + turn.first * n_blocks, *down = s->down + turn.first * n_blocks;
    if (n_blocks == 1) { /* most segments: the row stays in registers */
        uint64_t one_up = up[0], one_down = down[0];
        for (int32_t step = 0; step < s->n_hyp - turn.first; step++)
            next_bit_row(s->masks + s->words[source(turn, step)], &one_up, &one_down, 1, &one_up, &one_down, NULL, NULL);
        return last_cell(s, &one_up, &one_down);
    }
    memcpy(s->going_up, up, (size_t)n_blocks * sizeof *up);
    memcpy(s->going_down, down, (size_t)n_blocks * sizeof *down);
    for (int32_t step = 0; step < s->n_hyp - turn.first; step++)
        next_bit_row(s->masks + s->words[source(turn, step)] * n_blocks, s->going_up, s->going_down, n_blocks,
                     s->going_up, s->going_down, NULL, NULL);
    return last_cell(s, s->going_up, s->going_down);
}

/* ---- inside the beam */

static int32_t cell(const int32_t *row, int32_t low, int32_t high, int32_t column) {
    return column >= low && column < high ? row[column - low] : UNREACHABLE;
}

static void next_beam_row(const Search *s, int32_t row, uint32_t word, const int32_t *last, int32_t *next) {
    int32_t low = s->low[row], high = s->high[row], last_low = s->low[row - 1], last_high = s->high[row - 1];
    for (int32_t column = low; column < high; column++) {
        int32_t best = cell(last, last_low, last_high, column) + 1;
        if (column > 0) {
            int32_t diagonal = cell(last, last_low, last_high, column - 1) + (s->reference[column - 1] != word);
            if (diagonal < best) best = diagonal;
            if (column > low && next[column - 1 - low] + 1 < best) best = next[column - 1 - low] + 1;
        }
        next[column - low] = best < UNREACHABLE ? best : UNREACHABLE;
    }
}

static const int32_t *beam_row(const Search *s, int32_t row) {
    return row == 0 ? s->beam : s->beam + s->n_ref + 1 + (row - 1) * s->stride;
}

static int align_in_beam(Search *s, const uint32_t *words) {
    int64_t widest = larger(s->stride, (int64_t)s->n_ref + 1);
    if (!reserve(&s->beam, &s->beam_space, s->n_ref + 1 + s->n_hyp * s->stride, sizeof *s->beam) ||
        !reserve(&s->going, &s->going_space, widest, sizeof *s->going) ||
        !reserve(&s->gone, &s->gone_space, widest, sizeof *s->gone))
        return 0;
    for (int32_t column = 0; column <= s->n_ref; column++) s->beam[column] = column;
    for (int32_t row = 1; row <= s->n_hyp; row++)
        next_beam_row(s, row, words[row - 1], beam_row(s, row - 1), (int32_t *)beam_row(s, row));
    Trace t = begin_trace(s);
    s->distance = cell(beam_row(s, s->n_hyp), s->low[s->n_hyp], s->high[s->n_hyp], s->n_ref);
    while (t.row > 0 && t.column > 0) {
        const int32_t *last = beam_row(s, t.row - 1);
        int32_t last_low = s->low[t.row - 1], last_high = s->high[t.row - 1];
        int32_t here = cell(beam_row(s, t.row), s->low[t.row], s->high[t.row], t.column);
        int same = words[t.row - 1] == s->reference[t.column - 1];
        if (here == cell(last, last_low, last_high, t.column - 1) + !same) step_back(s, &t, same ? KEEP : SUBSTITUTE);
        else if (here == cell(last, last_low, last_high, t.column) + 1) step_back(s, &t, DELETE);
        else step_back(s, &t, INSERT);
    }
    end_trace(s, &t);
    s->in_beam = 1;
    return 1;
}

static int32_t distance_in_beam(Search *s, Turn turn) {
    int32_t *last = s->gone, *next = s->going;
    int32_t row = turn.first;
    memcpy(last, beam_row(s, row), (size_t)(s->high[row] - s->low[row]) * sizeof *last);
    while (row < s->n_hyp) {
        next_beam_row(s, row + 1, s->words[source(turn, row - turn.first)], last, next);
        int32_t *free_row = last;
        last = next, next = free_row;
        row++;
    }
    return cell(last, s->low[row], s->high[row], s->n_ref);
}

/* ---- the search */

/* The shifts to try in sacreBLEU's order; none at all once `max_candidates` are reached over the rounds, because
   sacreBLEU then throws the round away in which that happens. */
static void list_candidates(Search *s) {
    const uint32_t *words = s->words, *reference = s->reference;
    const int32_t *before = s->before;
    s->n_candidates = 0;
    memcpy(s->near_place, s->first_place, ((size_t)s->n_words + 1) * sizeof *s->near_place);
    for (int32_t start = 0; start < s->n_hyp; start++) {
        int32_t hyp_error = s->next_hyp_error[start] - start;
        if (hyp_error >= MAX_SHIFT_SIZE) continue;
        int32_t *near = &s->near_place[words[start]];
        while (*near >= 0 && start - *near > s->max_distance) *near = s->next_place[*near];
        for (int32_t ref_start = *near; ref_start >= 0 && ref_start - start <= s->max_distance;
             ref_start = s->next_place[ref_start]) {
            int32_t ref_error = s->next_ref_error[ref_start] - ref_start;
            /* Both spans must hold an error, so length > both distances to the next one; and the block must not hold
               the word that the reference word is aligned with. */
            int64_t longest = smaller(MAX_SHIFT_SIZE, smaller(s->n_hyp - start, s->n_ref - ref_start));
            int32_t aligned = before[ref_start + 1] - 1;
            if (aligned >= start) longest = smaller(longest, aligned - start);
            int64_t shortest = larger(hyp_error, ref_error) + 1;
            if (shortest > longest) continue;
            int32_t targets[MAX_SHIFT_SIZE + 1] = {before[ref_start]};
            int32_t n_targets = 1;
            for (int32_t length = 1; length <= longest; length++) {
                if (words[start + length - 1] != reference[ref_start + length - 1]) break;
                int32_t target = before[ref_start + length];
                if (target != targets[n_targets - 1]) targets[n_targets++] = target;
                if (length < shortest) continue;
                for (int32_t i = 0; i < n_targets; i++)
                    s->candidates[s->n_candidates++] = (Shift){start, length, targets[i]};
                s->n_checked += n_targets;
                if (s->n_checked >= s->max_candidates) {
                    s->n_candidates = 0;
                    return;
                }
            }
        }
    }
}

/* sacreBLEU's order: largest gain, then longest block, then earliest start, then earliest target. */
static int is_better(int32_t gain, Shift shift, int32_t best_gain, Shift best) {
    if (gain != best_gain) return gain > best_gain;
    if (shift.length != best.length) return shift.length > best.length;
    if (shift.start != best.start) return shift.start < best.start;
    return shift.target < best.target;
}

/* The best candidate and what it gains. */
static int32_t best_shift(Search *s, Shift *best) {
    int32_t best_gain = 0;
    for (int32_t i = 0; i < s->n_candidates; i++) {
        Turn turn = turn_of(s->candidates[i], s->n_hyp);
        int32_t gain = s->distance - (s->in_beam ? distance_in_beam(s, turn) : distance_by_bits(s, turn));
        if (i == 0 || is_better(gain, s->candidates[i], best_gain, *best)) best_gain = gain, *best = s->candidates[i];
    }
    return best_gain;
}

/* Make the round's best shift; 0, and nothing done, where none gains anything. */
static int shift_once(Search *s, int use_bits, int *out_of_memory) {
    Shift best = {0, 0, 0};
    list_candidates(s);
    if (s->n_candidates == 0 || best_shift(s, &best) <= 0) return 0;
    make_shift(s, best);
    int is_aligned = use_bits && align_by_bits(s, s->shifted_words);
    if (!is_aligned && !s->in_beam) {
        /* Inside the beam this shift may gain less than was measured. (Where it is the beam's own measure, or where its
           path lies inside, no other candidate can be better: the beam only ever takes from a gain.) */
        if (!align_in_beam(s, s->words)) goto failed;
        if (best_shift(s, &best) <= 0) return 0;
        make_shift(s, best);
        is_aligned = use_bits && align_by_bits(s, s->shifted_words);
    }
    if (!is_aligned && !align_in_beam(s, s->shifted_words)) goto failed;
    take_shifted_words(s);
    return 1;
failed:
    *out_of_memory = 1;
    return 0;
}

static int64_t edits_of_pair(Search *s, const uint32_t *hypothesis, int64_t n_hyp, uint32_t n_words) {
    int use_bits, out_of_memory = 0;
    if (n_hyp == 0 || s->n_ref == 0) return n_hyp + s->n_ref;
    if (n_hyp >= UNREACHABLE / 4 || s->n_ref >= UNREACHABLE / 4) return OUT_OF_MEMORY;
    if (!set_hypothesis(s, hypothesis, n_hyp, n_words, &use_bits)) return OUT_OF_MEMORY;
    if ((!use_bits || !align_by_bits(s, s->words)) && !align_in_beam(s, s->words)) return OUT_OF_MEMORY;
    int64_t n_shifts = 0;
    while (s->distance > 0 && shift_once(s, use_bits, &out_of_memory)) n_shifts++;
    return out_of_memory ? OUT_OF_MEMORY : n_shifts + s->distance;
}

/* lengths: [all texts] out, in words. edits: out, group by group, hypothesis by hypothesis, reference by reference. */
EXPORTED int evalharness_ter_edits(const uint32_t *code_points, const int64_t *ends, const int64_t *n_references,
                                   const int64_t *n_hypotheses, int64_t n_groups, int64_t beam_width,
                                   int64_t max_candidates, int64_t max_distance, int64_t *lengths, int64_t *edits) {
    Groups groups = {code_points, ends, n_references, n_hypotheses, n_groups};
    Vocabulary vocabulary = {0};
    UnitTexts references = {0}, hypotheses = {0};
    Search search = {.beam_width = beam_width, .max_candidates = max_candidates, .max_distance = max_distance};
    int64_t first_reference = 0, first_hypothesis = 0;
    int result = OUT_OF_MEMORY;

    search.candidates = malloc((size_t)(max_candidates + MAX_SHIFT_SIZE + 1) * sizeof *search.candidates);
    if (search.candidates == NULL) goto done;
    for (int64_t group = 0; group < n_groups; group++) first_hypothesis += n_references[group];
    for (int64_t group = 0; group < n_groups; group++) {
        int64_t n_refs = n_references[group], n_hyps = n_hypotheses[group];
        if (!cut_texts(&groups, first_reference, first_reference + n_refs, WORDS, &vocabulary, 1, &references) ||
            !cut_texts(&groups, first_hypothesis, first_hypothesis + n_hyps, WORDS, &vocabulary, 0, &hypotheses))
            goto done;
        for (int64_t h = 0; h < n_hyps; h++)
            lengths[first_hypothesis + h] = hypotheses.starts[h + 1] - hypotheses.starts[h];
        for (int64_t r = 0; r < n_refs; r++) {
            int64_t n_ref = references.starts[r + 1] - references.starts[r];
            lengths[first_reference + r] = n_ref;
            if (!set_reference(&search, references.units + references.starts[r], n_ref, vocabulary.n_words)) goto done;
            for (int64_t h = 0; h < n_hyps; h++) {
                int64_t found = edits_of_pair(&search, hypotheses.units + hypotheses.starts[h],
                                              lengths[first_hypothesis + h], vocabulary.n_words);
                if (found == OUT_OF_MEMORY) goto done;
                edits[h * n_refs + r] = found;
            }
        }
        edits += n_hyps * n_refs;
        first_reference += n_refs;
        first_hypothesis += n_hyps;
    }
    result = 0;
done:
    free_vocabulary(&vocabulary);
    free_unit_texts(&references);
    free_unit_texts(&hypotheses);
    free(search.words), free(search.shifted_words), free(search.masks), free(search.first_place);
    free(search.near_place);
    free(search.next_place), free(search.up), free(search.down), free(search.level), free(search.taller);
    free(search.going_up), free(search.going_down), free(search.low), free(search.high), free(search.beam);
    free(search.going), free(search.gone), free(search.before), free(search.next_hyp_error);
    free(search.next_ref_error), free(search.candidates);
    return result;
}
