/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fuzz target once over each file of the folders that are given, without libFuzzer. So the targets run where the
 * compiler brings no libFuzzer: gcc, and the emulator of another architecture. The target aborts when it finds a fault.
 *
 * usage: fuzz_corpus_TARGET FOLDER... */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Returns 1 after the target has run over the file, and 0 if the name is not that of a file. */
static unsigned run_file(const char *folder, const char *name)
{
    char path[4096];
    struct stat status;
    uint8_t *data;
    FILE *file;

    MUST(snprintf(path, sizeof path, "%s/%s", folder, name) < (int)sizeof path, "long name %s",
         name);
    MUST(stat(path, &status) == 0, "stat %s", path);
    if (!S_ISREG(status.st_mode))
        return 0;
    data = malloc((size_t)status.st_size + 1);
    file = fopen(path, "rb");
    MUST(data && file, "open %s", path);
    MUST(fread(data, 1, (size_t)status.st_size, file) == (size_t)status.st_size, "read %s", path);
    fclose(file);
    LLVMFuzzerTestOneInput(data, (size_t)status.st_size);
    free(data);
    return 1;
}

int main(int argc, char **argv)
{
    unsigned count = 0;

    for (int i = 1; i < argc; i++) {
        DIR *folder = opendir(argv[i]);
        struct dirent *entry;

        MUST(folder, "open %s", argv[i]);
        while ((entry = readdir(folder)) != NULL)
            count += run_file(argv[i], entry->d_name);
        closedir(folder);
    }
    printf("%u inputs\n", count);
    return count > 0 ? 0 : 1;
}
