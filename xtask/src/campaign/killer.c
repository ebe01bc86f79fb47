/* Preloaded into a station: SIGKILL at the entry of the n-th call by which it changes what others can see, counted
 * over all of its threads. (`strace --inject` counts each thread by itself, so that most calls never have a turn.)
 *
 *   KILLER_AT=n       which call; 0 only counts
 *   KILLER_FROM=listen  counts from the first listener on, not from the start
 *
 * Calls that do not go through the C library are not seen; each of them stands between two named transitions. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_long calls;
static atomic_int counting;
static long at;

#define REAL(name) __typeof__(name) *real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

static void step(const char *call) {
    if (!atomic_load(&counting))
        return;
    long n = atomic_fetch_add(&calls, 1) + 1;
    if (n == at) {
        char line[80];
        int length = snprintf(line, sizeof line, "killer: call %ld, %s\n", n, call);
        REAL(write);
        real(2, line, (size_t)length);
        kill(getpid(), SIGKILL);
        for (;;)
            pause();
    }
}

/* Files and connections; not the descriptors by which threads wake each other, not the log. */
static void step_on(int fd, const char *call) {
    struct stat what;
    if (fd > 2 && fstat(fd, &what) == 0 && (S_ISREG(what.st_mode) || S_ISSOCK(what.st_mode)))
        step(call);
}

__attribute__((constructor)) static void begin(void) {
    const char *n = getenv("KILLER_AT"), *from = getenv("KILLER_FROM");
    at = n ? atol(n) : 0;
    atomic_store(&counting, !from || strcmp(from, "listen") != 0);
    unsetenv("LD_PRELOAD"); /* not into the children */
}

int bind(int fd, const struct sockaddr *address, socklen_t length) {
    REAL(bind);
    if (address->sa_family == AF_INET || address->sa_family == AF_INET6)
        atomic_store(&counting, 1);
    return real(fd, address, length);
}

#define ON(type, name, declared, ...)                  \
    type name declared {                               \
        REAL(name);                                    \
        step_on(fd, #name);                            \
        return real(__VA_ARGS__);                      \
    }
#define OF(type, name, declared, ...)                  \
    type name declared {                               \
        REAL(name);                                    \
        step(#name);                                   \
        return real(__VA_ARGS__);                      \
    }

ON(ssize_t, write, (int fd, const void *b, size_t n), fd, b, n)
ON(ssize_t, writev, (int fd, const struct iovec *v, int n), fd, v, n)
ON(ssize_t, pwrite, (int fd, const void *b, size_t n, off_t o), fd, b, n, o)
ON(ssize_t, pwrite64, (int fd, const void *b, size_t n, off64_t o), fd, b, n, o)
ON(ssize_t, pwritev, (int fd, const struct iovec *v, int n, off_t o), fd, v, n, o)
ON(ssize_t, copy_file_range, (int in, off64_t *i, int fd, off64_t *o, size_t n, unsigned f), in, i, fd, o, n, f)
ON(ssize_t, send, (int fd, const void *b, size_t n, int f), fd, b, n, f)
ON(ssize_t, sendto, (int fd, const void *b, size_t n, int f, const struct sockaddr *a, socklen_t l), fd, b, n, f, a, l)
ON(ssize_t, sendmsg, (int fd, const struct msghdr *m, int f), fd, m, f)
ON(int, shutdown, (int fd, int how), fd, how)
ON(int, ftruncate, (int fd, off_t n), fd, n)
ON(int, ftruncate64, (int fd, off64_t n), fd, n)
ON(int, fallocate, (int fd, int m, off_t o, off_t n), fd, m, o, n)
ON(int, posix_fallocate, (int fd, off_t o, off_t n), fd, o, n)
ON(int, fchmod, (int fd, mode_t m), fd, m)
OF(int, fsync, (int fd), fd)
OF(int, fdatasync, (int fd), fd)
OF(int, rename, (const char *a, const char *b), a, b)
OF(int, renameat, (int x, const char *a, int y, const char *b), x, a, y, b)
OF(int, renameat2, (int x, const char *a, int y, const char *b, unsigned f), x, a, y, b, f)
OF(int, link, (const char *a, const char *b), a, b)
OF(int, linkat, (int x, const char *a, int y, const char *b, int f), x, a, y, b, f)
OF(int, unlink, (const char *a), a)
OF(int, unlinkat, (int x, const char *a, int f), x, a, f)
OF(int, rmdir, (const char *a), a)
OF(int, mkdir, (const char *a, mode_t m), a, m)
OF(int, mkdirat, (int x, const char *a, mode_t m), x, a, m)

#define OPENS(name)                                                  \
    int name(const char *path, int flags, ...) {                     \
        REAL(name);                                                  \
        va_list rest;                                                \
        va_start(rest, flags);                                       \
        mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0;    \
        va_end(rest);                                                \
        if (flags & (O_CREAT | O_TRUNC))                             \
            step(#name);                                             \
        return real(path, flags, mode);                              \
    }
OPENS(open)
OPENS(open64)

#define OPENS_AT(name)                                               \
    int name(int folder, const char *path, int flags, ...) {         \
        REAL(name);                                                  \
        va_list rest;                                                \
        va_start(rest, flags);                                       \
        mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0;    \
        va_end(rest);                                                \
        if (flags & (O_CREAT | O_TRUNC))                             \
            step(#name);                                             \
        return real(folder, path, flags, mode);                      \
    }
OPENS_AT(openat)
OPENS_AT(openat64)
