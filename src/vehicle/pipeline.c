/* SPDX-License-Identifier: Apache-2.0 */
#include "vehicle/pipeline.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

G_DEFINE_QUARK (bl_pipeline_error, bl_pipeline_error)

#define SUFFIX    ".pipeline"
#define MAX_BYTES 16384

/* Which Debian package has an element that a pipeline of ours may name. */
static const struct {
  const char *element;
  const char *package;
  const char *also; /* what else it takes, or NULL */
} packages[] = {
  { "x264enc", "gstreamer1.0-plugins-ugly", NULL },
  { "h264parse", "gstreamer1.0-plugins-bad", NULL },
  { "shmsrc", "gstreamer1.0-plugins-bad", NULL },
  { "vah264enc", "gstreamer1.0-plugins-bad",
    "a VA driver (intel-media-va-driver or mesa-va-drivers), a graphics chip"
    " that encodes H.264 (see vainfo), and the group “render” for this user" },
  { "v4l2src", "gstreamer1.0-plugins-good", NULL },
  { "v4l2h264enc", "gstreamer1.0-plugins-good",
    "a kernel driver that offers an H.264 encoder under /dev/video*, and the"
    " group “video” for this user" },
  { "rtspsrc", "gstreamer1.0-plugins-good", NULL },
  { "timeoverlay", "gstreamer1.0-x", NULL },
  { "clockoverlay", "gstreamer1.0-x", NULL },
  { "alsasrc", "gstreamer1.0-alsa", NULL },
  { "pulsesrc", "gstreamer1.0-plugins-good", NULL },
  { "autoaudiosrc", "gstreamer1.0-plugins-good", NULL },
  { "opusenc", "gstreamer1.0-plugins-base", NULL },
  { "videotestsrc", "gstreamer1.0-plugins-base", NULL },
  { "audiotestsrc", "gstreamer1.0-plugins-base", NULL },
  { "decodebin", "gstreamer1.0-plugins-base", NULL },
  { "audiomixer", "gstreamer1.0-plugins-base", NULL },
  { "appsink", "gstreamer1.0-plugins-base", NULL },
};

/* Levels of H.264 by macroblocks a frame and a second (Annex A, table A-1). */
static const struct {
  const char *name;
  int frame;
  int second;
} levels[] = {
  { "3.1", 3600, 108000 },
  { "4", 8192, 245760 },
  { "4.2", 8704, 522240 },
  { "5.1", 36864, 983040 },
};

/* What ${sound} stands for. The name lets capture tell a broken microphone
 * from a broken camera. */
static const struct {
  const char *choice;
  const char *text;
} sounds[] = {
  { "auto", "autoaudiosrc name=sound" },
  { "alsa", "alsasrc name=sound device=${sound_device}" },
  { "pulse", "pulsesrc name=sound device=${sound_device}" },
  { "tone", "audiotestsrc name=sound is-live=true wave=sine freq=440"
            " volume=0.1 samplesperbuffer=960" },
  { "none", "audiotestsrc name=sound is-live=true wave=silence"
            " samplesperbuffer=960" },
};

const char *
bl_pipeline_level (int width, int height, int fps)
{
  int frame = ((width + 15) / 16) * ((height + 15) / 16);
  guint i = 0;
  while (i + 1 < G_N_ELEMENTS (levels)
         && (frame > levels[i].frame || frame * fps > levels[i].second))
    i++;
  return levels[i].name;
}

gboolean
bl_pipeline_error_is_final (const GError *error)
{
  return error->domain == BL_PIPELINE_ERROR
         && error->code != BL_PIPELINE_ERROR_SOURCE;
}

static gboolean
name_is_valid (const char *name)
{
  return *name && *name != '.' && !strchr (name, '/');
}

static char *
pipeline_path (const char *folder, const char *name)
{
  g_autofree char *file = g_strconcat (name, SUFFIX, NULL);
  return g_build_filename (folder, file, NULL);
}

gboolean
bl_pipeline_exists (const char *folder, const char *name)
{
  if (!name_is_valid (name))
    return FALSE;
  g_autofree char *path = pipeline_path (folder, name);
  return g_file_test (path, G_FILE_TEST_IS_REGULAR);
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *)a, *(const char *const *)b);
}

char *
bl_pipeline_list (const char *folder)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  for (const char *file; dir && (file = g_dir_read_name (dir));) {
    if (g_str_has_suffix (file, SUFFIX))
      g_ptr_array_add (names,
                       g_strndup (file, strlen (file) - strlen (SUFFIX)));
  }
  g_ptr_array_sort (names, compare_names);
  g_ptr_array_add (names, NULL);
  return g_strjoinv (", ", (char **)names->pdata);
}

/* --- placeholders ------------------------------------------------------- */

typedef gboolean (*FillFunc) (const BlCaptureOptions *options, GString *out,
                              const char **out_why);

/* Inside the quotes of a pipeline's text a quote or backslash would end them;
 * everything else is only a character. */
static gboolean
append_quoted (GString *out, const char *value, const char *if_empty,
               const char **out_why)
{
  if (!*value) {
    *out_why = if_empty;
    return FALSE;
  }
  for (const char *c = value; *c; c++) {
    if ((guchar)*c < 0x20 || *c == 0x7f || *c == '"' || *c == '\''
        || *c == '\\') {
      *out_why = "quotes, backslashes and control characters can't be used in"
                 " it; rename what it names";
      return FALSE;
    }
  }
  g_string_append_printf (out, "\"%s\"", value);
  return TRUE;
}

#define FILL_NUMBER(name, expression)                                          \
  static gboolean fill_##name (const BlCaptureOptions *o, GString *out,        \
                               const char **out_why)                           \
  {                                                                            \
    g_string_append_printf (out, "%d", (expression));                          \
    return TRUE;                                                               \
  }

FILL_NUMBER (width, o->width)
FILL_NUMBER (height, o->height)
FILL_NUMBER (fps, o->fps)
FILL_NUMBER (bitrate_kbps, o->bitrate_bps / 1000)
FILL_NUMBER (bitrate_bps, o->bitrate_bps)
FILL_NUMBER (keyframe_interval, o->fps *BL_PIPELINE_KEYFRAME_S)
FILL_NUMBER (audio_bitrate_bps, o->sound_bitrate_bps)

static gboolean
fill_level (const BlCaptureOptions *o, GString *out, const char **out_why)
{
  g_string_append (out, bl_pipeline_level (o->width, o->height, o->fps));
  return TRUE;
}

static gboolean
fill_device (const BlCaptureOptions *o, GString *out, const char **out_why)
{
  return append_quoted (out, o->device, "it is empty: name the camera",
                        out_why);
}

static gboolean
fill_location (const BlCaptureOptions *o, GString *out, const char **out_why)
{
  return append_quoted (out, o->location,
                        "it is empty, and this pipeline needs a file or an"
                        " address",
                        out_why);
}

static gboolean
fill_sound_device (const BlCaptureOptions *o, GString *out,
                   const char **out_why)
{
  return append_quoted (out, o->sound_device, "it is empty", out_why);
}

static const struct {
  const char *name; /* also the key's in [capture], in messages */
  FillFunc fill;
} placeholders[] = {
  { "width", fill_width },
  { "height", fill_height },
  { "fps", fill_fps },
  { "bitrate_kbps", fill_bitrate_kbps },
  { "bitrate_bps", fill_bitrate_bps },
  { "keyframe_interval", fill_keyframe_interval },
  { "level", fill_level },
  { "audio_bitrate_bps", fill_audio_bitrate_bps },
  { "device", fill_device },
  { "location", fill_location },
  { "sound_device", fill_sound_device },
};

static gboolean
fill_one (GString *out, const char *placeholder, const char *name,
          const BlCaptureOptions *options, GError **error)
{
  for (guint i = 0; i < G_N_ELEMENTS (placeholders); i++) {
    if (!g_str_equal (placeholders[i].name, placeholder))
      continue;
    const char *why = NULL;
    if (placeholders[i].fill (options, out, &why))
      return TRUE;
    g_set_error (error, BL_PIPELINE_ERROR, BL_PIPELINE_ERROR_PLACEHOLDER,
                 "pipeline %s: [capture] %s can't be used: %s", name,
                 placeholder, why);
    return FALSE;
  }
  g_set_error (error, BL_PIPELINE_ERROR, BL_PIPELINE_ERROR_PLACEHOLDER,
               "pipeline %s: “${%s}” is no placeholder; pipelines/README.md"
               " lists them",
               name, placeholder);
  return FALSE;
}

static gboolean
fill (GString *out, const char *text, const char *name,
      const BlCaptureOptions *options, GError **error)
{
  for (const char *at = text; *at;) {
    const char *start = strstr (at, "${");
    const char *end = start ? strchr (start, '}') : NULL;
    if (!end) {
      g_string_append (out, at);
      break;
    }
    g_string_append_len (out, at, start - at);
    g_autofree char *placeholder
        = g_strndup (start + 2, (gsize)(end - start - 2));
    if (!fill_one (out, placeholder, name, options, error))
      return FALSE;
    at = end + 1;
  }
  return TRUE;
}

static const char *
sound_text (const BlCaptureOptions *options)
{
  for (guint i = 0; i < G_N_ELEMENTS (sounds); i++) {
    if (g_str_equal (sounds[i].choice, options->sound))
      return sounds[i].text;
  }
  g_assert_not_reached ();
}

static char *
without_comments (const char *text)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  GString *out = g_string_new (NULL);
  for (char **line = lines; *line; line++) {
    if (*g_strstrip (*line) != '#' && **line)
      g_string_append_printf (out, "%s ", *line);
  }
  return g_string_free (out, FALSE);
}

char *
bl_pipeline_expand (const char *text, const char *name,
                    const BlCaptureOptions *options, GError **error)
{
  g_autofree char *plain = without_comments (text);
  /* ${sound} holds a placeholder itself, so it goes first. */
  g_auto (GStrv) parts = g_strsplit (plain, "${sound}", -1);
  g_autofree char *whole = g_strjoinv (sound_text (options), parts);
  g_autoptr (GString) out = g_string_new (NULL);
  if (!fill (out, whole, name, options, error))
    return NULL;
  return g_strdup (out->str);
}

/* --- loading ------------------------------------------------------------ */

static char *
read_text (const BlCaptureOptions *options, GError **error)
{
  const char *name = options->pipeline;
  if (!bl_pipeline_exists (options->folder, name)) {
    g_autofree char *names = bl_pipeline_list (options->folder);
    g_set_error (error, BL_PIPELINE_ERROR, BL_PIPELINE_ERROR_FILE,
                 "there is no pipeline “%s” in %s; it has: %s", name,
                 options->folder, *names ? names : "none");
    return NULL;
  }
  g_autofree char *path = pipeline_path (options->folder, name);
  g_autofree char *text = NULL;
  gsize length;
  g_autoptr (GError) why = NULL;
  if (!g_file_get_contents (path, &text, &length, &why)) {
    g_set_error (error, BL_PIPELINE_ERROR, BL_PIPELINE_ERROR_FILE,
                 "can't read the pipeline: %s", why->message);
    return NULL;
  }
  if (length > MAX_BYTES || strlen (text) != length
      || !g_utf8_validate (text, (gssize)length, NULL)) {
    g_set_error (error, BL_PIPELINE_ERROR, BL_PIPELINE_ERROR_FILE,
                 "%s is not a pipeline: it must be text of at most %d bytes",
                 path, MAX_BYTES);
    return NULL;
  }
  return g_steal_pointer (&text);
}

static void
set_missing_element (const char *name, GstParseContext *context, GError **error)
{
  g_auto (GStrv) missing = gst_parse_context_get_missing_elements (context);
  GString *text = g_string_new (NULL);
  for (char **element = missing; element && *element; element++) {
    guint i = 0;
    while (i < G_N_ELEMENTS (packages)
           && !g_str_equal (packages[i].element, *element))
      i++;
    bool known = i < G_N_ELEMENTS (packages);
    g_string_append_printf (
        text, "%s“%s”, %s%s%s%s", text->len ? "; " : "", *element,
        known ? "which is in the package " : "which no package we know has",
        known ? packages[i].package : "",
        known && packages[i].also ? " and also needs " : "",
        known && packages[i].also ? packages[i].also : "");
  }
  g_set_error (error, BL_PIPELINE_ERROR, BL_PIPELINE_ERROR_ELEMENT,
               "pipeline %s: GStreamer has no element %s", name, text->str);
  g_string_free (text, TRUE);
}

/* Is there an element of this name, made by `factory` (NULL: any)? */
static bool
has_element (GstElement *pipeline, const char *name, const char *factory)
{
  g_autoptr (GstElement) element
      = GST_IS_BIN (pipeline) ? gst_bin_get_by_name (GST_BIN (pipeline), name)
                              : NULL;
  GstElementFactory *made_by
      = element ? gst_element_get_factory (element) : NULL;
  return made_by
         && (!factory || g_str_equal (GST_OBJECT_NAME (made_by), factory));
}

static gboolean
has_shape (GstElement *pipeline, const char *name, GError **error)
{
  static const struct {
    const char *name;
    const char *factory; /* NULL: any */
    bool encoded;        /* only where the pipeline itself encodes */
  } needed[] = {
    { "encoder", NULL, true },
    { "video", "appsink", true },
    { "audio", "appsink", false },
  };
  bool raw = has_element (pipeline, "raw", "appsink");
  for (guint i = 0; i < G_N_ELEMENTS (needed); i++) {
    if ((needed[i].encoded && raw)
        || has_element (pipeline, needed[i].name, needed[i].factory))
      continue;
    g_set_error (error, BL_PIPELINE_ERROR, BL_PIPELINE_ERROR_SHAPE,
                 "pipeline %s: there is no %s called “%s”%s; see"
                 " pipelines/README.md",
                 name, needed[i].factory ? needed[i].factory : "element",
                 needed[i].name,
                 needed[i].encoded ? ", and no appsink called “raw”" : "");
    return FALSE;
  }
  return TRUE;
}

GstElement *
bl_pipeline_load (const BlCaptureOptions *options, GError **error)
{
  const char *name = options->pipeline;
  g_autofree char *text = read_text (options, error);
  if (!text)
    return NULL;
  g_autofree char *filled = bl_pipeline_expand (text, name, options, error);
  if (!filled)
    return NULL;
  g_autoptr (GstParseContext) context = gst_parse_context_new ();
  g_autoptr (GError) why = NULL;
  g_autoptr (GstElement) pipeline = gst_parse_launch_full (
      filled, context, GST_PARSE_FLAG_FATAL_ERRORS, &why);
  if (pipeline)
    gst_object_ref_sink (pipeline);
  if (g_error_matches (why, GST_PARSE_ERROR, GST_PARSE_ERROR_NO_SUCH_ELEMENT)) {
    set_missing_element (name, context, error);
    return NULL;
  }
  if (!pipeline || why) {
    g_set_error (error, BL_PIPELINE_ERROR, BL_PIPELINE_ERROR_SYNTAX,
                 "pipeline %s: %s", name,
                 why ? why->message : "GStreamer can't read it");
    return NULL;
  }
  if (!has_shape (pipeline, name, error))
    return NULL;
  return g_steal_pointer (&pipeline);
}

/* --- is the source there? ------------------------------------------------ */

static gboolean
check_device (const char *device, GError **error)
{
  struct stat info;
  if (stat (device, &info) != 0) {
    g_set_error (error, BL_PIPELINE_ERROR, BL_PIPELINE_ERROR_SOURCE,
                 "no camera at %s (%s): is it plugged in and powered? “ls"
                 " /dev/video*” shows what there is; set [capture] device or"
                 " use --source",
                 device, g_strerror (errno));
    return FALSE;
  }
  if (!S_ISCHR (info.st_mode)) {
    g_set_error (error, BL_PIPELINE_ERROR, BL_PIPELINE_ERROR_SOURCE,
                 "%s is not a camera (not a character device)", device);
    return FALSE;
  }
  if (access (device, R_OK | W_OK) != 0) {
    g_set_error (error, BL_PIPELINE_ERROR, BL_PIPELINE_ERROR_SOURCE,
                 "the camera %s can't be opened (%s): add this user to the"
                 " group “video”",
                 device, g_strerror (errno));
    return FALSE;
  }
  return TRUE;
}

static gboolean
check_location (const char *location, GError **error)
{
  if (!*location || strstr (location, "://"))
    return TRUE;
  if (access (location, R_OK) == 0)
    return TRUE;
  g_set_error (error, BL_PIPELINE_ERROR, BL_PIPELINE_ERROR_SOURCE,
               "can't read %s (%s): check [capture] location", location,
               g_strerror (errno));
  return FALSE;
}

gboolean
bl_pipeline_check_source (const BlCaptureOptions *options, GError **error)
{
  g_autofree char *text = read_text (options, error);
  if (!text)
    return FALSE;
  g_autofree char *plain = without_comments (text);
  if (strstr (plain, "${device}") && !check_device (options->device, error))
    return FALSE;
  return !strstr (plain, "${location}")
         || check_location (options->location, error);
}
