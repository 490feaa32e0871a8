#include "texts.h"

#include <stdlib.h>
#include <string.h>

/* Python's str.isspace; a test holds it equal over all code points. */
int is_space(uint32_t c) {
    if (c < 0x80) return c == 0x20 || (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x1F);
    if (c < 0x1680) return c == 0x85 || c == 0xA0;
    return c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
           c == 0x3000;
}

#ifndef SOURCES
#define SOURCES ""
#endif
/* The fingerprint of the sources this was made from, as sources.py takes it. */
EXPORTED const char *evalharness_sources(void) { return SOURCES; }

EXPORTED int evalharness_is_space(uint32_t code_point) { return is_space(code_point); }

static int is_ascii_punctuation(uint32_t c) {
    return (c >= 33 && c <= 47) || (c >= 58 && c <= 64) || (c >= 91 && c <= 96) || (c >= 123 && c <= 126);
}

int reserve(void *block, int64_t *space, int64_t wanted, size_t size) {
    void **held = block;
    if (wanted <= *space) return 1;
    if ((uint64_t)wanted > SIZE_MAX / 2 / size) return 0;
    wanted += wanted / 2; /* the next text is a little longer */
    free(*held);
    *space = 0;
    *held = malloc((size_t)wanted * size);
    if (*held == NULL) return 0;
    *space = wanted;
    return 1;
}

static uint64_t hash_of(const uint32_t *word, int64_t length) {
    uint64_t hash = 0x9E3779B97F4A7C15u;
    for (int64_t i = 0; i < length; i++) hash = (hash ^ word[i]) * 0xD6E8FEB86659FD93u;
    return hash ^ hash >> 32;
}

static int empty_vocabulary(Vocabulary *v, int64_t most_words) {
    uint64_t n_slots = 16;
    while (n_slots < 2 * (uint64_t)most_words) n_slots *= 2;
    if (most_words >= UINT32_MAX) return 0; /* more words than numbers */
    if (!reserve(&v->slots, &v->slot_space, (int64_t)n_slots, sizeof *v->slots)) return 0;
    memset(v->slots, 0, (size_t)n_slots * sizeof *v->slots);
    v->n_slots = n_slots;
    if (most_words + 1 > v->word_space) {
        int64_t spaces[3] = {0, 0, 0};
        v->word_space = 0;
        free(v->hashes), free(v->words), free(v->lengths);
        v->hashes = NULL, v->words = NULL, v->lengths = NULL;
        if (!reserve(&v->hashes, &spaces[0], most_words + 1, sizeof *v->hashes) ||
            !reserve(&v->words, &spaces[1], most_words + 1, sizeof *v->words) ||
            !reserve(&v->lengths, &spaces[2], most_words + 1, sizeof *v->lengths))
            return 0;
        v->word_space = spaces[0];
    }
    v->n_words = 0;
    return 1;
}

static uint32_t number_of(Vocabulary *v, const uint32_t *word, int64_t length, int add) {
    uint64_t hash = hash_of(word, length);
    uint64_t slot = hash & (v->n_slots - 1);
    for (uint32_t number; (number = v->slots[slot]) != 0; slot = (slot + 1) & (v->n_slots - 1))
        if (v->hashes[number] == hash && v->lengths[number] == length &&
            memcmp(v->words[number], word, (size_t)length * sizeof *word) == 0)
            return number;
    if (!add) return 0;
    uint32_t number = ++v->n_words;
    v->slots[slot] = number;
    v->hashes[number] = hash;
    v->words[number] = word;
    v->lengths[number] = length;
    return number;
}

int cut_texts(const Groups *groups, int64_t first, int64_t last, enum Units units, Vocabulary *vocabulary,
              int into_vocabulary, UnitTexts *out) {
    int64_t begin = first == 0 ? 0 : groups->ends[first - 1];
    int64_t n_code_points = last == first ? 0 : groups->ends[last - 1] - begin;
    int of_words = units == WORDS || units == WORDS_APART;
    /* A text has at most as many units as code points: a word of one is not split. */
    if (!reserve(&out->units, &out->unit_space, n_code_points + 1, sizeof *out->units) ||
        !reserve(&out->starts, &out->start_space, last - first + 1, sizeof *out->starts))
        return 0;
    if (of_words && into_vocabulary && !empty_vocabulary(vocabulary, n_code_points + 1)) return 0;

    int64_t n = 0;
    const uint32_t *at = groups->code_points + begin;
    for (int64_t text = first; text < last; text++) {
        const uint32_t *end = groups->code_points + groups->ends[text];
        out->starts[text - first] = n;
        if (units == CHARACTERS) {
            memcpy(out->units + n, at, (size_t)(end - at) * sizeof *at);
            n += end - at;
        } else if (units == CHARACTERS_UNSPACED) {
            for (; at < end; at++)
                if (!is_space(*at)) out->units[n++] = *at;
        } else {
            while (at < end) {
                while (at < end && is_space(*at)) at++;
                const uint32_t *word = at;
                while (at < end && !is_space(*at)) at++;
                int64_t length = at - word;
                if (length == 0) break;
                int64_t cut = length;
                if (units == WORDS_APART && length > 1)
                    cut = is_ascii_punctuation(word[length - 1]) ? length - 1 : is_ascii_punctuation(word[0]) ? 1 : length;
                out->units[n++] = number_of(vocabulary, word, cut, into_vocabulary);
                if (cut < length) out->units[n++] = number_of(vocabulary, word + cut, length - cut, into_vocabulary);
            }
        }
        at = end;
    }
    out->starts[last - first] = n;
    return 1;
}

void free_vocabulary(Vocabulary *v) { free(v->slots), free(v->hashes), free(v->words), free(v->lengths); }

void free_unit_texts(UnitTexts *texts) { free(texts->units), free(texts->starts); }
