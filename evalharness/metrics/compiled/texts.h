/* Texts as the units that are counted: what both counters share. All functions return 0 and set nothing where memory
   runs out, unless they say otherwise. */
#ifndef EVALHARNESS_TEXTS_H
#define EVALHARNESS_TEXTS_H

#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
#define EXPORTED __declspec(dllexport)
#else
#define EXPORTED __attribute__((visibility("default")))
#endif

enum { OUT_OF_MEMORY = -1 }; /* what exported functions return then; else 0 */

/* What a text is cut into. */
enum Units {
    CHARACTERS,        /* every code point */
    CHARACTERS_UNSPACED, /* those that are no white space: Python's "".join(text.split()) */
    WORDS,             /* Python's text.split() */
    WORDS_APART        /* the same, one ASCII punctuation mark at the end or else the start of a word set apart, as in
                          chrF++ (sacreBLEU's _remove_punctuation) */
};

/* Texts in groups: every hypothesis of a group is compared with every reference of that group. `code_points` holds all
   references, group by group, then all hypotheses; the text with index t ends before ends[t] and begins where t - 1
   ends. Counts are over all groups. */
typedef struct {
    const uint32_t *code_points;
    const int64_t *ends;
    const int64_t *n_references; /* [n_groups] */
    const int64_t *n_hypotheses; /* [n_groups] */
    int64_t n_groups;
} Groups;

/* The units of some texts end to end: text i has units[starts[i]] to units[starts[i + 1] - 1]. */
typedef struct {
    uint32_t *units;
    int64_t *starts;
    int64_t unit_space, start_space;
} UnitTexts;

/* The distinct words of a group's references, numbered from 1 in the order they first come in. */
typedef struct {
    uint32_t *slots; /* numbers; 0 where a slot is empty. As many as a power of two */
    uint64_t n_slots;
    uint64_t *hashes;          /* [number] */
    const uint32_t **words;    /* [number] */
    int64_t *lengths;          /* [number] */
    uint32_t n_words;
    int64_t slot_space, word_space;
} Vocabulary;

int is_space(uint32_t code_point);

/* Makes `*block` hold `wanted` elements of `size` bytes, what it held being lost; `*space` is what it holds. */
int reserve(void *block, int64_t *space, int64_t wanted, size_t size);

/* Cuts texts `first` to `last` - 1 into units. Words are numbers of the vocabulary: `into_vocabulary` begins it anew with
   those of these texts; else words that it lacks are 0, and it must have been begun. */
int cut_texts(const Groups *groups, int64_t first, int64_t last, enum Units units, Vocabulary *vocabulary,
              int into_vocabulary, UnitTexts *out);

void free_vocabulary(Vocabulary *vocabulary);
void free_unit_texts(UnitTexts *texts);

#endif
