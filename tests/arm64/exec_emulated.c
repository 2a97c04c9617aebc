/* SPDX-License-Identifier: Apache-2.0 */
/* A library that is loaded before the C library into a program under qemu. Criterion starts each test by an execve() of
 * the program itself. The kernel of another architecture cannot execute that file, unless somebody has registered qemu
 * with it (binfmt_misc), which needs rights on the whole machine. So this execve() starts qemu with the file.
 * The variable SPEADLINE_EMULATOR holds the path of qemu; QEMU_LD_PREFIX tells qemu where the arm64 libraries are. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ARGUMENTS_MAX 256

static bool is_arm64(const char *path)
{
    Elf64_Ehdr header = {0};
    int file = open(path, O_RDONLY | O_CLOEXEC);
    bool whole = file >= 0 && read(file, &header, sizeof header) == (ssize_t)sizeof header;

    if (file >= 0)
        close(file);
    return whole && header.e_ident[EI_MAG0] == ELFMAG0 && header.e_machine == EM_AARCH64;
}

int execve(const char *path, char *const argv[], char *const envp[])
{
    char *emulator = getenv("SPEADLINE_EMULATOR"), *emulated[ARGUMENTS_MAX + 4];
    int count = 0;

    if (!emulator || !is_arm64(path))
        return (int)syscall(SYS_execve, path, argv, envp);
    while (argv[count])
        if (++count > ARGUMENTS_MAX) {
            errno = E2BIG;
            return -1;
        }
    emulated[0] = emulator;
    emulated[1] = (char *)path;
    for (int i = 1; i <= count; i++)
        emulated[i + 1] = argv[i];
    return (int)syscall(SYS_execve, emulator, emulated, envp);
}
