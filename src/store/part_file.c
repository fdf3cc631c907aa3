/* SPDX-License-Identifier: Apache-2.0 */
#include "store/part_file.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BOX_FTYP BL_CMAF_BOX ('f', 't', 'y', 'p')
#define BOX_MOOV BL_CMAF_BOX ('m', 'o', 'o', 'v')
#define BOX_MOOF BL_CMAF_BOX ('m', 'o', 'o', 'f')
#define BOX_MDAT BL_CMAF_BOX ('m', 'd', 'a', 't')

/* Bounds on what a damaged length may make us allocate. */
#define MOOF_MAX (32 * 1024 * 1024)
#define MDAT_MAX (256 * 1024 * 1024)
#define INIT_MAX (64 * 1024)

static void
set_error (const BlPartFile *file, const char *what, GError **error)
{
  int code = errno;
  /* A quota or the file system's limit is as good as a full disk. */
  gboolean full = code == ENOSPC || code == EDQUOT || code == EFBIG;
  g_set_error (error, G_IO_ERROR,
               full ? (gint)G_IO_ERROR_NO_SPACE : g_io_error_from_errno (code),
               "%s: can't %s: %s", file->path, what, g_strerror (code));
}

/* pread/pwrite of all bytes. FALSE with errno; 0 when the file ends early. */
static gboolean
read_all (int fd, void *data, gsize length, gint64 offset)
{
  for (gsize done = 0; done < length;) {
    ssize_t n = pread (fd, (guint8 *)data + done, length - done,
                       (off_t)(offset + (gint64)done));
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0) {
      errno = n < 0 ? errno : 0;
      return FALSE;
    }
    done += (gsize)n;
  }
  return TRUE;
}

static gboolean
write_all (int fd, const void *data, gsize length, gint64 offset)
{
  for (gsize done = 0; done < length;) {
    ssize_t n = pwrite (fd, (const guint8 *)data + done, length - done,
                        (off_t)(offset + (gint64)done));
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return FALSE;
    done += (gsize)n;
  }
  return TRUE;
}

/* A new file is on the disk only when its folder is. */
static void
sync_folder (const char *path)
{
  g_autofree char *folder = g_path_get_dirname (path);
  int fd = open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0)
    return;
  (void)fsync (fd);
  close (fd);
}

gboolean
bl_part_file_create (BlPartFile *file, const char *path, const guint8 *init,
                     gsize length, GError **error)
{
  *file = (BlPartFile){ .fd = -1, .path = g_strdup (path) };
  g_autofree char *folder = g_path_get_dirname (path);
  if (g_mkdir_with_parents (folder, 0700) < 0) {
    set_error (file, "make its folder", error);
    bl_part_file_close (file);
    return FALSE;
  }
  file->fd = open (path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file->fd < 0) {
    set_error (file, "make the file", error);
    bl_part_file_close (file);
    return FALSE;
  }
  if (!write_all (file->fd, init, length, 0) || fdatasync (file->fd) < 0) {
    set_error (file, "write its beginning", error);
    (void)unlink (path);
    bl_part_file_close (file);
    return FALSE;
  }
  file->init = g_memdup2 (init, length);
  file->init_bytes = file->bytes = (gint64)length;
  sync_folder (path);
  return TRUE;
}

/* Writes the duration over the init segment's. */
static gboolean
patch_duration (BlPartFile *file, gint64 duration_us)
{
  if (!file->init) {
    file->init = g_malloc ((gsize)file->init_bytes);
    if (!read_all (file->fd, file->init, (gsize)file->init_bytes, 0))
      return FALSE;
  }
  BlCmafPatch patches[BL_CMAF_PATCHES_MAX];
  guint n = bl_cmaf_duration_patches (file->init, (gsize)file->init_bytes,
                                      duration_us, patches);
  for (guint i = 0; i < n; i++) {
    if (!write_all (file->fd, patches[i].bytes, sizeof patches[i].bytes,
                    (gint64)patches[i].offset))
      return FALSE;
  }
  return TRUE;
}

gboolean
bl_part_file_append (BlPartFile *file, const guint8 *data, gsize length,
                     gint64 duration_us, GError **error)
{
  if (write_all (file->fd, data, length, file->bytes)
      && (file->lazy
          || (patch_duration (file, duration_us)
              && fdatasync (file->fd) == 0))) {
    file->bytes += (gint64)length;
    return TRUE;
  }
  set_error (file, "write the recording", error);
  if (ftruncate (file->fd, (off_t)file->bytes) < 0)
    return FALSE; /* recovery cuts it */
  return FALSE;
}

gboolean
bl_part_file_set_duration (BlPartFile *file, gint64 duration_us, GError **error)
{
  if (patch_duration (file, duration_us) && fdatasync (file->fd) == 0)
    return TRUE;
  set_error (file, "write its duration", error);
  return FALSE;
}

/* Where the moov ends, or -1. */
static gint64
find_init (const BlPartFile *file)
{
  gint64 at = 0;
  guint32 type = 0, length = 0;
  guint8 header[BL_CMAF_HEADER_BYTES];
  static const guint32 wanted[2] = { BOX_FTYP, BOX_MOOV };
  for (guint i = 0; i < 2; i++) {
    if (!read_all (file->fd, header, sizeof header, at)
        || !bl_cmaf_read_header (header, &type, &length) || type != wanted[i]
        || length > INIT_MAX)
      return -1;
    at += length;
  }
  return at <= file->bytes ? at : -1;
}

gboolean
bl_part_file_open (BlPartFile *file, const char *path, gboolean mend,
                   GError **error)
{
  struct stat st;
  *file = (BlPartFile){ .fd = -1, .path = g_strdup (path) };
  file->fd = open (path, (mend ? O_RDWR : O_RDONLY) | O_CLOEXEC);
  if (file->fd < 0 || fstat (file->fd, &st) < 0) {
    set_error (file, "open the recording", error);
    bl_part_file_close (file);
    return FALSE;
  }
  file->bytes = st.st_size;
  file->init_bytes = find_init (file);
  if (file->init_bytes < 0) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                 "%s: its beginning is damaged: no ftyp and moov as Bluelight "
                 "writes them",
                 path);
    bl_part_file_close (file);
    return FALSE;
  }
  return TRUE;
}

gboolean
bl_part_file_read_init (const BlPartFile *file, GByteArray *out, GError **error)
{
  g_byte_array_set_size (out, (guint)file->init_bytes);
  if (read_all (file->fd, out->data, out->len, 0))
    return TRUE;
  set_error (file, "read its beginning", error);
  return FALSE;
}

/* Reads one whole box at `offset` to the end of `out`. */
static BlPartNext
read_box (const BlPartFile *file, gint64 offset, guint32 wanted, guint32 max,
          GByteArray *out, GError **error)
{
  guint8 header[BL_CMAF_HEADER_BYTES];
  guint32 type, length;
  if (offset + (gint64)sizeof header > file->bytes)
    return BL_PART_TORN;
  if (!read_all (file->fd, header, sizeof header, offset)) {
    set_error (file, "read the recording", error);
    return BL_PART_ERROR;
  }
  if (!bl_cmaf_read_header (header, &type, &length) || type != wanted
      || length > max || offset + length > file->bytes)
    return BL_PART_TORN;
  guint at = out->len;
  g_byte_array_set_size (out, at + length);
  if (!read_all (file->fd, out->data + at, length, offset)) {
    set_error (file, "read the recording", error);
    return BL_PART_ERROR;
  }
  return BL_PART_FRAGMENT;
}

BlPartNext
bl_part_file_read (const BlPartFile *file, gint64 offset, GByteArray *out_bytes,
                   gsize *out_moof_bytes, BlCmafFragment *out_fragment,
                   GError **error)
{
  g_byte_array_set_size (out_bytes, 0);
  if (offset == file->bytes)
    return BL_PART_END;
  BlPartNext next
      = read_box (file, offset, BOX_MOOF, MOOF_MAX, out_bytes, error);
  if (next != BL_PART_FRAGMENT)
    return next;
  gsize moof_bytes = out_bytes->len;
  next = read_box (file, offset + (gint64)moof_bytes, BOX_MDAT, MDAT_MAX,
                   out_bytes, error);
  if (next != BL_PART_FRAGMENT)
    return next;
  if (!bl_cmaf_read_moof (out_bytes->data, moof_bytes, out_fragment)
      || !bl_cmaf_check_mdat (out_bytes->data, moof_bytes,
                              out_bytes->data + moof_bytes,
                              out_bytes->len - moof_bytes))
    return BL_PART_TORN;
  *out_moof_bytes = moof_bytes;
  return BL_PART_FRAGMENT;
}

gboolean
bl_part_file_truncate (BlPartFile *file, gint64 bytes, GError **error)
{
  if (ftruncate (file->fd, (off_t)bytes) < 0 || fdatasync (file->fd) < 0) {
    set_error (file, "cut off the torn end", error);
    return FALSE;
  }
  file->bytes = bytes;
  return TRUE;
}

void
bl_part_file_close (BlPartFile *file)
{
  if (file->fd >= 0)
    close (file->fd);
  file->fd = -1;
  g_clear_pointer (&file->path, g_free);
  g_clear_pointer (&file->init, g_free);
}
