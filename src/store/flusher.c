/* SPDX-License-Identifier: Apache-2.0 */
#define BL_LOG_TOPIC "store"
#include "store/flusher.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/log.h"

struct BlFlusher {
  int fd;
  GThread *thread;
  GMutex mutex;
  GCond changed;
  gboolean wanted, ending, failed; /* under the mutex */
};

/* Waits; FALSE at the end. */
static gboolean
take_request (BlFlusher *flusher)
{
  g_mutex_lock (&flusher->mutex);
  while (!flusher->wanted && !flusher->ending)
    g_cond_wait (&flusher->changed, &flusher->mutex);
  gboolean wanted = flusher->wanted;
  flusher->wanted = FALSE;
  g_mutex_unlock (&flusher->mutex);
  return wanted;
}

static void
note_failure (BlFlusher *flusher)
{
  bl_error ("the audit can't be flushed to the disk: %s", g_strerror (errno));
  g_mutex_lock (&flusher->mutex);
  flusher->failed = TRUE;
  g_mutex_unlock (&flusher->mutex);
}

static gpointer
run (gpointer data)
{
  BlFlusher *flusher = data;
  while (take_request (flusher)) {
    if (fdatasync (flusher->fd) != 0)
      note_failure (flusher);
  }
  return NULL;
}

BlFlusher *
bl_flusher_new (const char *path)
{
  int fd = open (path, O_RDWR | O_CLOEXEC);
  if (fd < 0)
    return NULL;
  BlFlusher *flusher = g_new0 (BlFlusher, 1);
  flusher->fd = fd;
  g_mutex_init (&flusher->mutex);
  g_cond_init (&flusher->changed);
  flusher->thread = g_thread_new ("flusher", run, flusher);
  return flusher;
}

void
bl_flusher_free (BlFlusher *flusher)
{
  if (!flusher)
    return;
  g_mutex_lock (&flusher->mutex);
  flusher->ending = TRUE;
  g_cond_signal (&flusher->changed);
  g_mutex_unlock (&flusher->mutex);
  g_thread_join (flusher->thread);
  g_cond_clear (&flusher->changed);
  g_mutex_clear (&flusher->mutex);
  close (flusher->fd);
  g_free (flusher);
}

void
bl_flusher_request (BlFlusher *flusher)
{
  g_mutex_lock (&flusher->mutex);
  flusher->wanted = TRUE;
  g_cond_signal (&flusher->changed);
  g_mutex_unlock (&flusher->mutex);
}

gboolean
bl_flusher_has_failed (BlFlusher *flusher)
{
  g_mutex_lock (&flusher->mutex);
  gboolean failed = flusher->failed;
  g_mutex_unlock (&flusher->mutex);
  return failed;
}
