/* SPDX-License-Identifier: Apache-2.0
 *
 * A file as a reply, read piece by piece as the client takes it.
 */
#define BL_LOG_TOPIC "relay.http"
#include "base/log.h"
#include "relay/http_request.h"
#include "relay/range.h"

#define PIECE_BYTES 65536

typedef struct {
  SoupServerMessage *msg;
  GFileInputStream *file;
  guint64 left_bytes;
  GCancellable *cancellable;
  gboolean finished; /* the message is; the struct waits for its read */
  gboolean reading;
} Sending;

static void
free_sending (Sending *sending)
{
  g_object_unref (sending->file);
  g_object_unref (sending->cancellable);
  g_free (sending);
}

static void
on_read (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Sending *sending = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) piece = g_input_stream_read_bytes_finish (
      G_INPUT_STREAM (source), result, &error);

  sending->reading = FALSE;
  if (sending->finished) {
    free_sending (sending);
    return;
  }
  if (!piece || g_bytes_get_size (piece) == 0) {
    bl_error ("a recording can't be read on: %s",
              error ? error->message : "it is shorter than it was");
    bl_http_abort (sending->msg);
    return;
  }
  sending->left_bytes -= g_bytes_get_size (piece);
  SoupMessageBody *body = soup_server_message_get_response_body (sending->msg);
  soup_message_body_append_bytes (body, piece);
  if (sending->left_bytes == 0)
    soup_message_body_complete (body);
  soup_server_message_unpause (sending->msg);
}

static void
read_piece (Sending *sending)
{
  gsize length = (gsize)MIN (sending->left_bytes, PIECE_BYTES);
  if (length == 0 || sending->reading)
    return;
  sending->reading = TRUE;
  g_input_stream_read_bytes_async (G_INPUT_STREAM (sending->file), length,
                                   G_PRIORITY_DEFAULT, sending->cancellable,
                                   on_read, sending);
}

static void
on_wrote_chunk (SoupServerMessage *msg, gpointer user_data)
{
  read_piece (user_data);
}

static void
on_finished (SoupServerMessage *msg, gpointer user_data)
{
  Sending *sending = user_data;
  sending->finished = TRUE;
  g_cancellable_cancel (sending->cancellable);
  if (!sending->reading)
    free_sending (sending);
}

static void
start_sending (BlRequest *request, GFileInputStream *file, guint64 length)
{
  Sending *sending = g_new0 (Sending, 1);
  sending->msg = request->msg;
  sending->file = g_object_ref (file);
  sending->left_bytes = length;
  sending->cancellable = g_cancellable_new ();
  /* Sent pieces are not kept. */
  soup_message_body_set_accumulate (
      soup_server_message_get_response_body (request->msg), FALSE);
  g_signal_connect (request->msg, "wrote-chunk", G_CALLBACK (on_wrote_chunk),
                    sending);
  g_signal_connect (request->msg, "finished", G_CALLBACK (on_finished),
                    sending);
  read_piece (sending);
}

/* The range to send, unless the file is no longer what the client thinks. */
static BlRangeKind
choose_range (BlRequest *request, guint64 size, const char *etag,
              guint64 *out_first, guint64 *out_last)
{
  const char *if_range = bl_request_header (request, "If-Range");
  if (if_range && g_strcmp0 (if_range, etag) != 0)
    return BL_RANGE_WHOLE;
  return bl_range_parse (bl_request_header (request, "Range"), size, out_first,
                         out_last);
}

void
bl_reply_file (BlRequest *request, const char *path, guint64 size,
               const char *type, const char *etag)
{
  guint64 first = 0, last = size - 1;
  g_autoptr (GError) error = NULL;
  g_autoptr (GFile) gfile = g_file_new_for_path (path);
  g_autoptr (GFileInputStream) file = g_file_read (gfile, NULL, &error);
  g_autofree char *quoted = g_strdup_printf ("\"%s\"", etag);
  SoupMessageHeaders *headers
      = soup_server_message_get_response_headers (request->msg);

  if (!file || size == 0) {
    bl_error ("%s: %s", path, error ? error->message : "is empty");
    bl_reply_error (request, SOUP_STATUS_NOT_FOUND,
                    "the recording's file is missing; the relay's log says "
                    "more");
    return;
  }
  bl_reply_header (request, "Accept-Ranges", "bytes");
  BlRangeKind range = choose_range (request, size, quoted, &first, &last);
  if (range == BL_RANGE_NONE) {
    g_autofree char *whole
        = g_strdup_printf ("bytes */%" G_GUINT64_FORMAT, size);
    bl_reply_header (request, "Content-Range", whole);
    bl_reply_error (request, SOUP_STATUS_REQUESTED_RANGE_NOT_SATISFIABLE,
                    "the part has %" G_GUINT64_FORMAT " bytes", size);
    return;
  }
  if (!g_seekable_seek (G_SEEKABLE (file), (goffset)first, G_SEEK_SET, NULL,
                        &error)) {
    bl_error ("%s: %s", path, error->message);
    bl_reply_error (request, SOUP_STATUS_INTERNAL_SERVER_ERROR,
                    "the recording's file can't be read");
    return;
  }
  bl_reply_header (request, "ETag", quoted);
  soup_message_headers_set_content_type (headers, type, NULL);
  soup_message_headers_set_content_length (headers,
                                           (goffset)(last - first + 1));
  if (range == BL_RANGE_PART)
    soup_message_headers_set_content_range (headers, (goffset)first,
                                            (goffset)last, (goffset)size);
  bl_reply_empty (request, range == BL_RANGE_PART ? SOUP_STATUS_PARTIAL_CONTENT
                                                  : SOUP_STATUS_OK);
  if (!g_str_equal (soup_server_message_get_method (request->msg), "HEAD"))
    start_sending (request, file, last - first + 1);
}
