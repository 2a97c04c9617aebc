/* SPDX-License-Identifier: Apache-2.0 */
/* How the library reads and writes public structs of callers that were compiled with another version of the library.
 * docs/adr/0017 has the rule and says which structs have a struct_size.
 *
 * Such a struct begins with `uint32_t struct_size`. The _INIT macro of the struct sets this field to the size that the
 * caller knows. The struct of an older caller is shorter than the library's struct, and the struct of a newer caller is
 * longer. */
#ifndef SPEADI_STRUCT_SIZE_H
#define SPEADI_STRUCT_SIZE_H

#include <stddef.h>
#include <stdint.h>

#include <speadline/error.h>

/* No public struct is longer than this. A larger struct_size means that the caller did not set it. */
#define SPEADI_STRUCT_SIZE_MAX 4096u

/* What this library knows about one public struct that callers fill. */
struct speadi_struct_kind {
    const char *what;     /* name of the struct in the sentences of refusals, such as "channel" */
    const char *init;     /* name of the struct's _INIT macro, for the sentences of refusals */
    const void *defaults; /* a struct of `size` bytes with the values that _INIT sets */
    uint32_t size;        /* size of the struct in this version of the library */
    uint32_t size_min;    /* the fields that lie below this offset are in every version */
};

/* Reads the caller's struct `from` into *own, which has room for kind->size bytes. The fields that the caller's struct
 * does not have get their defaults, and the struct_size of *own becomes kind->size. Returns 0. Returns -EINVAL with a
 * sentence that names struct_size in three cases:
 *   - the size is below size_min;
 *   - the size is above SPEADI_STRUCT_SIZE_MAX;
 *   - the caller has set a field beyond kind->size, which only a newer library would understand. */
int speadi_struct_read(void *own, const void *from, const struct speadi_struct_kind *kind,
                       struct spead_err *err);

/* Copies *own, which has `size` bytes, into the caller's struct `to`. The function writes as many bytes as the caller's
 * struct_size says. If that is more than `size`, the bytes behind the first `size` bytes become zero. The caller's
 * struct_size does not change. Returns 0. Returns -EINVAL and writes nothing when the caller's struct_size is smaller
 * than the field struct_size itself, or above SPEADI_STRUCT_SIZE_MAX. */
int speadi_struct_write(void *to, const void *own, uint32_t size);

/* Returns 0 if speadi_struct_write() would write the caller's struct `to`, or -EINVAL with a sentence that names
 * struct_size and `init`, the _INIT macro of the struct. A function that has a struct spead_err calls it first. */
int speadi_struct_check(const void *to, const char *init, struct spead_err *err);

/* Sets the caller's struct `to`, which has `size` bytes, to the defaults, which have `known` bytes. If `size` is more
 * than `known`, the bytes behind the defaults become zero. The struct_size of the caller's struct becomes `size`.
 * Writes nothing when `size` is smaller than the field struct_size itself, or above SPEADI_STRUCT_SIZE_MAX. */
void speadi_struct_init(void *to, size_t size, const void *defaults, size_t known);

/* Defines the public function that does what the _INIT macro of a struct does. */
#define SPEADI_STRUCT_INIT(name, init)                            \
    void name##_init(struct name *to, size_t size)                \
    {                                                             \
        static const struct name defaults = init;                 \
                                                                  \
        speadi_struct_init(to, size, &defaults, sizeof defaults); \
    }

#endif
