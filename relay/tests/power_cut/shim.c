/*
 * Records what a process does to the files below one folder, so that a power cut can be replayed later.
 *
 *   cc -O2 -shared -fPIC -o shim.so shim.c -ldl
 *   POWER_CUT_FOLDER=<absolute, without symbolic links>   what is watched
 *   POWER_CUT_JOURNAL=<file outside of it>                what is appended to
 *   POWER_CUT_NO_SYNC=1                                   as if fsync and fdatasync did nothing
 *   POWER_CUT_SYNC_MS=<milliseconds>                      how much longer they take: a slow disk
 *
 * The journal is a sequence of records: the struct below, then two paths relative to the folder, then data.
 *
 * Order. A mutating call and its record happen under one lock: the order of records is the order in which the
 * kernel saw the calls. The record follows the call, and only if it succeeded. A cut in the middle of a call is
 * therefore the same as a cut right after its record: until it is synced, a recorded write may have reached the
 * disk whole, in part or not at all; and nobody can have been told anything between the two.
 *
 * Syncs run outside of the lock. SYNC_BEGIN is recorded before the call, SYNC_END after it returned success.
 * Records before SYNC_BEGIN are durable from SYNC_END on. Writes between the two raced the sync and are not
 * covered. Whatever the process says because of a sync, it says after SYNC_END is in the journal: so who reads
 * the journal's length on hearing it knows a position at which that must hold.
 *
 * sync_file_range, sync and syncfs are not recorded: the first promises nothing, nobody needs the others.
 *
 * Files are named by inode number, which follows renames. A number that is used again is announced by a new
 * CREATE or MKDIR. No table of descriptors is kept: /proc/self/fd says what each one is, so that close, dup and
 * fcntl need no watching.
 *
 * Calls that bypass the C library (raw system calls, shared mappings) are not seen. The test compares what it
 * replayed with the real folder in the end, and so finds them.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum op {
    CREATE = 1, MKDIR, WRITE, SIZE, RENAME, EXCHANGE, REMOVE, LINK, SYNC_BEGIN, SYNC_END, UNSUPPORTED
};

struct record {
    uint32_t op, path_len, other_len, zero;
    uint64_t inode, offset, data_len; /* SIZE: offset is the new size; syncs: offset names the pair. */
};

static char folder[PATH_MAX];
static size_t folder_len;
static int journal = -1, no_sync;
static useconds_t sync_us;
static uint64_t syncs;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

#define REAL(name) __typeof__(&name) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)
#define LOCK pthread_mutex_lock(&lock)
#define UNLOCK do { int kept = errno; pthread_mutex_unlock(&lock); errno = kept; } while (0)

static int (*real_open)(const char *, int, ...);
static ssize_t (*real_writev)(int, const struct iovec *, int);

__attribute__((constructor)) static void start(void) {
    const char *watched = getenv("POWER_CUT_FOLDER"), *to = getenv("POWER_CUT_JOURNAL");
    real_open = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open");
    real_writev = (ssize_t (*)(int, const struct iovec *, int))dlsym(RTLD_NEXT, "writev");
    if (!watched || !to || strlen(watched) >= sizeof folder) return;
    strcpy(folder, watched);
    folder_len = strlen(folder);
    no_sync = getenv("POWER_CUT_NO_SYNC") != NULL;
    if (getenv("POWER_CUT_SYNC_MS")) sync_us = 1000 * atoi(getenv("POWER_CUT_SYNC_MS"));
    journal = real_open(to, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (journal < 0) { perror("the journal of the power cut"); abort(); }
}

/* The part of an absolute path below the folder, or NULL. */
static const char *below(const char *path) {
    if (journal < 0 || strncmp(path, folder, folder_len) != 0) return NULL;
    if (path[folder_len] == 0) return path + folder_len;
    return path[folder_len] == '/' ? path + folder_len + 1 : NULL;
}

/* What a descriptor is, if it is below the folder. */
static const char *watched_fd(int fd, char *buffer, uint64_t *inode) {
    char link[64];
    struct stat st;
    int kept = errno;
    if (journal < 0) return NULL;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, buffer, PATH_MAX - 1);
    buffer[len < 0 ? 0 : len] = 0;
    const char *path = len < 0 ? NULL : below(buffer);
    if (path && (fstat(fd, &st) != 0 || !(S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)))) path = NULL;
    if (path) *inode = st.st_ino;
    errno = kept;
    return path;
}

/* The same for a path as given to an …at call. */
static const char *watched_path(int dir, const char *path, char *buffer) {
    char link[64], base[PATH_MAX];
    int kept = errno;
    if (journal < 0) return NULL;
    if (path[0] == '/') return below(path);
    snprintf(link, sizeof link, dir == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d", dir);
    ssize_t len = readlink(link, base, sizeof base - 1);
    errno = kept;
    if (len < 0) return NULL;
    base[len] = 0;
    if (snprintf(buffer, PATH_MAX, "%s/%s", base, path) >= PATH_MAX) return NULL;
    return below(buffer);
}

static uint64_t inode_of(int dir, const char *path) {
    struct stat st;
    return fstatat(dir, path, &st, AT_SYMLINK_NOFOLLOW) == 0 ? st.st_ino : 0;
}

/* Called with the lock held. A journal that cannot be written would make every later cut a lie. */
static void note(enum op op, const char *path, const char *other, uint64_t inode, uint64_t offset,
                 const struct iovec *data, int count, size_t data_len) {
    int kept = errno;
    struct record record = {op, path ? strlen(path) : 0, other ? strlen(other) : 0, 0, inode, offset, data_len};
    struct iovec parts[3 + 64] = {
        {&record, sizeof record}, {(void *)path, record.path_len}, {(void *)other, record.other_len}};
    int used = 3;
    for (int i = 0; i < count && data_len > 0; i++) {
        size_t take = data[i].iov_len < data_len ? data[i].iov_len : data_len;
        if (used == 3 + 64) abort();
        parts[used++] = (struct iovec){data[i].iov_base, take};
        data_len -= take;
    }
    struct iovec *at = parts;
    while (used > 0) {
        ssize_t wrote = real_writev(journal, at, used);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote < 0) { perror("the journal of the power cut"); abort(); }
        while (used > 0 && (size_t)wrote >= at->iov_len) { wrote -= at->iov_len; at++; used--; }
        if (used > 0) { at->iov_base = (char *)at->iov_base + wrote; at->iov_len -= wrote; }
    }
    errno = kept;
}

/* Opening may create, and may cut to nothing. */
#define OPEN(call, dir, path, flags) do { \
    char buffer[PATH_MAX], found[PATH_MAX]; \
    uint64_t inode; \
    if (journal < 0) return call; \
    LOCK; \
    const char *named = watched_path(dir, path, buffer); \
    int there = !named || inode_of(dir, path) != 0; \
    int fd = call; \
    const char *is = fd < 0 ? NULL : watched_fd(fd, found, &inode); \
    if (is && ((flags) & O_TMPFILE) == O_TMPFILE) note(UNSUPPORTED, "O_TMPFILE", NULL, 0, 0, NULL, 0, 0); \
    else if (is && ((flags) & O_CREAT) && !there) note(CREATE, is, NULL, inode, 0, NULL, 0, 0); \
    else if (is && ((flags) & O_TRUNC)) note(SIZE, NULL, NULL, inode, 0, NULL, 0, 0); \
    UNLOCK; \
    return fd; \
} while (0)

#define MODE mode_t mode = 0; if (flags & (O_CREAT | O_TMPFILE)) { \
    va_list rest; va_start(rest, flags); mode = va_arg(rest, mode_t); va_end(rest); }

int open(const char *path, int flags, ...) { MODE; REAL(open); OPEN(real(path, flags, mode), AT_FDCWD, path, flags); }
int open64(const char *path, int flags, ...) { MODE; REAL(open64); OPEN(real(path, flags, mode), AT_FDCWD, path, flags); }
int openat(int dir, const char *path, int flags, ...) { MODE; REAL(openat); OPEN(real(dir, path, flags, mode), dir, path, flags); }
int openat64(int dir, const char *path, int flags, ...) { MODE; REAL(openat64); OPEN(real(dir, path, flags, mode), dir, path, flags); }
int creat(const char *path, mode_t mode) { return open(path, O_WRONLY | O_CREAT | O_TRUNC, mode); }
int creat64(const char *path, mode_t mode) { return open(path, O_WRONLY | O_CREAT | O_TRUNC, mode); }

/* `where` is evaluated after the call: for writes at the descriptor's position. */
#define WRITING(call, fd, where, data, count) do { \
    char buffer[PATH_MAX]; \
    uint64_t inode; \
    if (journal < 0 || !watched_fd(fd, buffer, &inode)) return call; \
    LOCK; \
    ssize_t wrote = call; \
    if (wrote > 0) note(WRITE, NULL, NULL, inode, where, data, count, wrote); \
    UNLOCK; \
    return wrote; \
} while (0)
#define PASSED (lseek(fd, 0, SEEK_CUR) - wrote)
#define ONE (&(struct iovec){(void *)bytes, len})

ssize_t write(int fd, const void *bytes, size_t len) { REAL(write); WRITING(real(fd, bytes, len), fd, PASSED, ONE, 1); }
ssize_t writev(int fd, const struct iovec *v, int n) { WRITING(real_writev(fd, v, n), fd, PASSED, v, n); }
ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at) { REAL(pwrite); WRITING(real(fd, bytes, len, at), fd, at, ONE, 1); }
ssize_t pwrite64(int fd, const void *bytes, size_t len, off64_t at) { REAL(pwrite64); WRITING(real(fd, bytes, len, at), fd, at, ONE, 1); }
ssize_t pwritev(int fd, const struct iovec *v, int n, off_t at) { REAL(pwritev); WRITING(real(fd, v, n, at), fd, at, v, n); }
ssize_t pwritev64(int fd, const struct iovec *v, int n, off64_t at) { REAL(pwritev64); WRITING(real(fd, v, n, at), fd, at, v, n); }

/* Refused, so that the caller falls back to read and write. */
#define REFUSING(call, fd, error) do { \
    char buffer[PATH_MAX]; \
    uint64_t inode; \
    if (!watched_fd(fd, buffer, &inode)) return call; \
    errno = error; \
    return -1; \
} while (0)

ssize_t copy_file_range(int in, off64_t *from, int out, off64_t *to, size_t len, unsigned flags) {
    REAL(copy_file_range);
    REFUSING(real(in, from, out, to, len, flags), out, ENOSYS);
}
ssize_t sendfile(int out, int in, off_t *from, size_t len) { REAL(sendfile); REFUSING(real(out, in, from, len), out, EINVAL); }
ssize_t sendfile64(int out, int in, off64_t *from, size_t len) { REAL(sendfile64); REFUSING(real(out, in, from, len), out, EINVAL); }

#define SIZING(call, fd) do { \
    char buffer[PATH_MAX]; \
    uint64_t inode; \
    struct stat st; \
    if (!watched_fd(fd, buffer, &inode)) return call; \
    LOCK; \
    int result = call; \
    if (result == 0 && fstat(fd, &st) == 0) note(SIZE, NULL, NULL, inode, st.st_size, NULL, 0, 0); \
    UNLOCK; \
    return result; \
} while (0)

static void only_room(int mode) {
    if (mode & ~FALLOC_FL_KEEP_SIZE) { LOCK; note(UNSUPPORTED, "fallocate", NULL, 0, 0, NULL, 0, 0); UNLOCK; }
}

int ftruncate(int fd, off_t len) { REAL(ftruncate); SIZING(real(fd, len), fd); }
int ftruncate64(int fd, off64_t len) { REAL(ftruncate64); SIZING(real(fd, len), fd); }
int posix_fallocate(int fd, off_t at, off_t len) { REAL(posix_fallocate); SIZING(real(fd, at, len), fd); }
int posix_fallocate64(int fd, off64_t at, off64_t len) { REAL(posix_fallocate64); SIZING(real(fd, at, len), fd); }
int fallocate(int fd, int mode, off_t at, off_t len) { REAL(fallocate); only_room(mode); SIZING(real(fd, mode, at, len), fd); }
int fallocate64(int fd, int mode, off64_t at, off64_t len) { REAL(fallocate64); only_room(mode); SIZING(real(fd, mode, at, len), fd); }

/* Calls on one name, and on two. Leaving or entering the folder is not expected. */
#define NAMING(call, op, dir, path, inode) do { \
    char buffer[PATH_MAX]; \
    const char *one = watched_path(dir, path, buffer); \
    if (!one) return call; \
    LOCK; \
    int result = call; \
    if (result == 0) note(op, one, NULL, inode, 0, NULL, 0, 0); \
    UNLOCK; \
    return result; \
} while (0)
#define MOVING(call, op, dir1, path1, dir2, path2) do { \
    char buffer[PATH_MAX], buffer2[PATH_MAX]; \
    const char *one = watched_path(dir1, path1, buffer), *two = watched_path(dir2, path2, buffer2); \
    if (!one && !two) return call; \
    LOCK; \
    int result = call; \
    if (result == 0 && one && two) note(op, one, two, 0, 0, NULL, 0, 0); \
    else if (result == 0) note(UNSUPPORTED, "across the folder's edge", NULL, 0, 0, NULL, 0, 0); \
    UNLOCK; \
    return result; \
} while (0)

int rename(const char *from, const char *to) { REAL(rename); MOVING(real(from, to), RENAME, AT_FDCWD, from, AT_FDCWD, to); }
int renameat(int d1, const char *from, int d2, const char *to) { REAL(renameat); MOVING(real(d1, from, d2, to), RENAME, d1, from, d2, to); }
int renameat2(int d1, const char *from, int d2, const char *to, unsigned flags) {
    REAL(renameat2);
    MOVING(real(d1, from, d2, to, flags), flags & RENAME_EXCHANGE ? EXCHANGE : RENAME, d1, from, d2, to);
}
int link(const char *from, const char *to) { REAL(link); MOVING(real(from, to), LINK, AT_FDCWD, from, AT_FDCWD, to); }
int linkat(int d1, const char *from, int d2, const char *to, int flags) { REAL(linkat); MOVING(real(d1, from, d2, to, flags), LINK, d1, from, d2, to); }
int symlink(const char *what, const char *path) { REAL(symlink); NAMING(real(what, path), UNSUPPORTED, AT_FDCWD, path, 0); }
int unlink(const char *path) { REAL(unlink); NAMING(real(path), REMOVE, AT_FDCWD, path, 0); }
int unlinkat(int dir, const char *path, int flags) { REAL(unlinkat); NAMING(real(dir, path, flags), REMOVE, dir, path, 0); }
int rmdir(const char *path) { REAL(rmdir); NAMING(real(path), REMOVE, AT_FDCWD, path, 0); }
int mkdir(const char *path, mode_t mode) { REAL(mkdir); NAMING(real(path, mode), MKDIR, AT_FDCWD, path, inode_of(AT_FDCWD, path)); }
int mkdirat(int dir, const char *path, mode_t mode) { REAL(mkdirat); NAMING(real(dir, path, mode), MKDIR, dir, path, inode_of(dir, path)); }

#define SYNCING(call, fd) do { \
    char buffer[PATH_MAX]; \
    uint64_t inode, pair; \
    if (!watched_fd(fd, buffer, &inode)) return call; \
    if (no_sync) return 0; \
    LOCK; \
    pair = ++syncs; \
    note(SYNC_BEGIN, NULL, NULL, inode, pair, NULL, 0, 0); \
    UNLOCK; \
    int result = call; \
    if (sync_us) usleep(sync_us); \
    if (result == 0) { LOCK; note(SYNC_END, NULL, NULL, inode, pair, NULL, 0, 0); UNLOCK; } \
    return result; \
} while (0)

int fsync(int fd) { REAL(fsync); SYNCING(real(fd), fd); }
int fdatasync(int fd) { REAL(fdatasync); SYNCING(real(fd), fd); }
