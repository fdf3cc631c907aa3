/* SPDX-License-Identifier: Apache-2.0 */
#include "frames.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

struct PeerFrames {
  BlNtp ntp_at_0;
  FILE *list, *stream, *sound;
};

static FILE *
create (const char *prefix, const char *suffix, GError **error)
{
  g_autofree char *path = g_strconcat (prefix, suffix, NULL);
  FILE *file = fopen (path, "we");
  if (!file)
    g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno),
                 "can't write %s: %s", path, g_strerror (errno));
  return file;
}

PeerFrames *
peer_frames_new (const char *prefix, BlNtp ntp_at_0, GError **error)
{
  PeerFrames *f = g_new0 (PeerFrames, 1);
  f->ntp_at_0 = ntp_at_0;
  f->list = create (prefix, ".csv", error);
  f->stream = f->list ? create (prefix, ".h264", error) : NULL;
  f->sound = f->stream ? create (prefix, ".sound.csv", error) : NULL;
  if (f->sound) {
    fputs ("arrived_us,timestamp\n", f->sound);
    fputs ("arrived_us,capture_us,timestamp,bytes,packets,keyframe\n", f->list);
    return f;
  }
  peer_frames_free (f);
  return NULL;
}

void
peer_frames_free (PeerFrames *f)
{
  if (!f)
    return;
  if (f->list)
    fclose (f->list);
  if (f->stream)
    fclose (f->stream);
  if (f->sound)
    fclose (f->sound);
  g_free (f);
}

static int64_t
unix_us (const PeerFrames *f, BlTime at_us)
{
  return bl_ntp_to_unix_us (bl_ntp_add_us (f->ntp_at_0, at_us));
}

void
peer_frames_add (const PeerPicture *p, void *frames)
{
  PeerFrames *f = frames;
  fprintf (f->list, "%" PRId64 ",", unix_us (f, p->at_us));
  if (p->capture)
    fprintf (f->list, "%" PRId64, bl_ntp_to_unix_us (p->capture));
  fprintf (f->list, ",%" PRIu32 ",%zu,%u,%d\n", p->timestamp, p->length,
           p->packets, p->keyframe);
  fwrite (p->data, 1, p->length, f->stream);
}

void
peer_frames_hear (BlTime at_us, uint32_t timestamp, void *frames)
{
  PeerFrames *f = frames;
  fprintf (f->sound, "%" PRId64 ",%" PRIu32 "\n", unix_us (f, at_us),
           timestamp);
}
