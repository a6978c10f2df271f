/* Faults of a disk, for a process that preloads this: the file named by
 * DISK_FAULT_CONTROL says what happens from then on to files below the
 * directory DISK_FAULT_BELOW. Its first word is one of
 *
 *   none      all is well
 *   eio       writing and syncing fail with EIO
 *   eio-sync  only syncing fails
 *   no-sync   syncing does nothing and says that all is well
 *   slow N    syncing takes N milliseconds longer
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum fault { NONE, EIO_ALL, EIO_SYNC, NO_SYNC, SLOW };

static enum fault current_fault(int *milliseconds) {
    const char *path = getenv("DISK_FAULT_CONTROL");
    if (path == NULL) return NONE;
    int control = open(path, O_RDONLY | O_CLOEXEC);
    if (control < 0) return NONE;
    char text[64] = {0};
    ssize_t length = read(control, text, sizeof text - 1);
    close(control);
    if (length <= 0) return NONE;
    if (strncmp(text, "eio-sync", 8) == 0) return EIO_SYNC;
    if (strncmp(text, "eio", 3) == 0) return EIO_ALL;
    if (strncmp(text, "no-sync", 7) == 0) return NO_SYNC;
    if (sscanf(text, "slow %d", milliseconds) == 1) return SLOW;
    return NONE;
}

static int is_below(int file) {
    const char *below = getenv("DISK_FAULT_BELOW");
    if (below == NULL) return 0;
    char link[64], target[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, target, sizeof target - 1);
    if (length < 0) return 0;
    target[length] = 0;
    return strncmp(target, below, strlen(below)) == 0;
}

/* Returns whether the call is to fail; sleeps when it is to be slow. */
static int struck(int file, int is_sync) {
    int saved = errno, milliseconds = 0;
    enum fault fault = is_below(file) ? current_fault(&milliseconds) : NONE;
    if (fault == SLOW && is_sync) {
        struct timespec pause = {milliseconds / 1000, (milliseconds % 1000) * 1000000L};
        nanosleep(&pause, NULL);
    }
    errno = saved;
    if (fault == EIO_ALL || (fault == EIO_SYNC && is_sync)) {
        errno = EIO;
        return 1;
    }
    return 0;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int file, const void *bytes, size_t length) {
    return struck(file, 0) ? -1 : REAL(write)(file, bytes, length);
}

ssize_t pwrite(int file, const void *bytes, size_t length, off_t offset) {
    return struck(file, 0) ? -1 : REAL(pwrite)(file, bytes, length, offset);
}

ssize_t pwrite64(int file, const void *bytes, size_t length, off64_t offset) {
    return struck(file, 0) ? -1 : REAL(pwrite64)(file, bytes, length, offset);
}

ssize_t writev(int file, const struct iovec *pieces, int count) {
    return struck(file, 0) ? -1 : REAL(writev)(file, pieces, count);
}

static int skips_syncs(int file) {
    int saved = errno, milliseconds;
    int skips = is_below(file) && current_fault(&milliseconds) == NO_SYNC;
    errno = saved;
    return skips;
}

int fsync(int file) {
    if (struck(file, 1)) return -1;
    return skips_syncs(file) ? 0 : REAL(fsync)(file);
}

int fdatasync(int file) {
    if (struck(file, 1)) return -1;
    return skips_syncs(file) ? 0 : REAL(fdatasync)(file);
}

int sync_file_range(int file, off64_t offset, off64_t length, unsigned int flags) {
    return struck(file, 1) ? -1 : REAL(sync_file_range)(file, offset, length, flags);
}
