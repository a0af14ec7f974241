/* A file system without locks, for the programs that are started with this library in LD_PRELOAD: every lock of a file
 * whose path begins with NO_LOCKS_IN is refused with the errno NO_LOCKS. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int refused(int fd)
{
    const char *number = getenv("NO_LOCKS"), *folder = getenv("NO_LOCKS_IN");
    char link[64], path[4096];
    if (number == NULL || folder == NULL)
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return 0;
    path[length] = 0;
    if (strncmp(path, folder, strlen(folder)) != 0)
        return 0;
    errno = atoi(number);
    return 1;
}

static int is_lock(int command)
{
    return command == F_SETLK || command == F_SETLKW || command == F_GETLK || command == F_OFD_SETLK ||
           command == F_OFD_SETLKW || command == F_OFD_GETLK;
}

#define CONTROL(name)                                                                                                  \
    int name(int fd, int command, ...)                                                                                 \
    {                                                                                                                  \
        va_list rest;                                                                                                  \
        va_start(rest, command);                                                                                       \
        void *argument = va_arg(rest, void *);                                                                         \
        va_end(rest);                                                                                                  \
        if (is_lock(command) && refused(fd))                                                                           \
            return -1;                                                                                                 \
        int (*next)(int, int, ...) = (int (*)(int, int, ...))dlsym(RTLD_NEXT, #name);                                  \
        return next(fd, command, argument);                                                                            \
    }

CONTROL(fcntl)
CONTROL(fcntl64)

int flock(int fd, int operation)
{
    int (*next)(int, int) = (int (*)(int, int))dlsym(RTLD_NEXT, "flock");
    return refused(fd) ? -1 : next(fd, operation);
}

int lockf(int fd, int command, off_t length)
{
    int (*next)(int, int, off_t) = (int (*)(int, int, off_t))dlsym(RTLD_NEXT, "lockf");
    return refused(fd) ? -1 : next(fd, command, length);
}
