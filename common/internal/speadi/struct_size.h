/* How the library reads and writes public structs of callers that were compiled with another version of it. The rule, and
 * which structs have a struct_size at all: docs/adr/0017.
 *
 * Such a struct begins with `uint32_t struct_size`, which the struct's _INIT macro sets to the caller's sizeof. An older
 * caller's struct is shorter than ours, a newer caller's is longer. */
#ifndef SPEADI_STRUCT_SIZE_H
#define SPEADI_STRUCT_SIZE_H

#include <stdint.h>

#include <speadline/error.h>

/* No public struct is longer: a larger struct_size was never set. */
#define SPEADI_STRUCT_SIZE_MAX 4096u

/* One public struct that callers fill, as this library knows it. */
struct speadi_struct_kind {
    const char *what;     /* begins the sentences of refusals: "channel" */
    const char *init;     /* name of its _INIT macro, for the same sentences */
    const void *defaults; /* what _INIT sets: size bytes */
    uint32_t size;        /* sizeof, as this library knows it */
    uint32_t size_min;    /* the fields up to here are in every version */
};

/* Reads a caller's struct into *own, which has room for kind->size bytes. Fields that the caller's struct is too short to
 * have get their defaults, and own's struct_size becomes kind->size. Returns 0, or -EINVAL with a sentence that names
 * struct_size: the size is below size_min or above SPEADI_STRUCT_SIZE_MAX, or the caller has set something beyond
 * kind->size, which only a newer library would understand. */
int speadi_struct_read(void *own, const void *from, const struct speadi_struct_kind *kind,
                       struct spead_err *err);

/* Writes *own, which is size bytes, into a caller's struct: as many bytes as the caller's struct_size says, zeros beyond
 * size. The caller's struct_size stays as it is. Returns 0, or -EINVAL and writes nothing: there is no room for a
 * struct_size, or it is above SPEADI_STRUCT_SIZE_MAX. */
int speadi_struct_write(void *to, const void *own, uint32_t size);

#endif
