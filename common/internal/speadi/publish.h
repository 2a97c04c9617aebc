/* One writer's counters, read whole by any thread: a sequence lock over plain 64-bit words.
 *
 * The owner keeps working counters of its own and copies them out once per poll; readers retry while
 * a copy is going on. All accesses are atomic words, so that the race is one the language allows. */
#ifndef SPEADI_PUBLISH_H
#define SPEADI_PUBLISH_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct speadi_publish {
    _Atomic uint64_t sequence; /* odd while the owner writes */
    size_t words;
    _Atomic uint64_t *word;
};

/* Room for words words, all zero. Returns 0 or -ENOMEM. */
int speadi_publish_init(struct speadi_publish *publish, size_t words);
void speadi_publish_release(struct speadi_publish *publish);

/* Owner: copies words words out. Readers need a pause of about one copy's length between two of these:
 * call it when something changed, not in an idle loop. */
void speadi_publish_write(struct speadi_publish *publish, const uint64_t *from);

/* Any thread: copies a consistent set in. */
void speadi_publish_read(const struct speadi_publish *publish, uint64_t *to);

#endif
