/* SPDX-License-Identifier: Apache-2.0
 *
 * What the software encoder makes of a rate, and how long it takes: sizes of
 * pictures by VBV, what an IDR costs beside a picture that refers to what was
 * before a loss (vehicle/x264enc.h), time a picture by preset and threads.
 *
 *   tools/bench encoder            all tables, on a picture of its own
 *   tools/bench encoder HEIGHT     of this height alone: 360, 540, 720, 1080
 *   tools/bench encoder FILE W H   on raw I420 pictures
 *   tools/bench encoder --stream FILE   a stream with losses, for decoders
 *
 * The picture of its own: a hilly texture that a shaking hand pans over, with
 * a sensor's noise and something that crosses it.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "vehicle/x264enc.h"

#define FPS     30
#define CLIP    30 /* pictures, played to and fro */
#define WARM_UP 60
#define MEASURE 300

typedef struct {
  int width, height, n;
  uint8_t *pictures;
} Clip;

static size_t
picture_bytes (const Clip *c)
{
  return (size_t)c->width * (size_t)c->height * 3 / 2;
}

static BlX264Picture
picture (const Clip *c, int n)
{
  int at = n % (2 * c->n - 2);
  const uint8_t *y
      = c->pictures
        + (size_t)(at < c->n ? at : 2 * c->n - 2 - at) * picture_bytes (c);
  size_t luma = (size_t)c->width * (size_t)c->height;
  return (BlX264Picture){ .planes = { y, y + luma, y + luma + luma / 4 },
                          .strides = { c->width, c->width / 2, c->width / 2 },
                          .id = n };
}

/* --- a picture of its own
 * -------------------------------------------------- */

static uint32_t
hash (uint32_t x, uint32_t y)
{
  uint32_t h = x * 0x9e3779b1u ^ y * 0x85ebca77u;
  h ^= h >> 15;
  h *= 0xc2b2ae3du;
  return h ^ h >> 13;
}

/* Smooth noise of about one hill in `scale` pixels, -1 to 1. */
static double
hills (double x, double y, double scale)
{
  double u = x / scale, v = y / scale;
  double fu = floor (u), fv = floor (v);
  double a = u - fu, b = v - fv;
  double corners[4];
  for (int i = 0; i < 4; i++)
    corners[i] = (double)(hash ((uint32_t)(int)(fu + i % 2),
                                (uint32_t)(int)(fv + (double)(i / 2)))
                          & 0xffff)
                     / 32768
                 - 1;
  return (corners[0] * (1 - a) + corners[1] * a) * (1 - b)
         + (corners[2] * (1 - a) + corners[3] * a) * b;
}

static int
luma (double x, double y, double scale)
{
  double v = 40 * hills (x, y, scale / 4) + 25 * hills (x, y, scale / 20)
             + 12 * hills (x, y, scale / 80);
  return 126 + (int)v;
}

static void
draw (const Clip *c, int n, uint8_t *out)
{
  double t = (double)n / FPS, scale = c->width;
  double dx = scale * (0.05 * t + 0.01 * sin (9 * t));
  double dy = scale * 0.01 * sin (13 * t);
  int ball_x = (int)(scale * (0.2 + 0.5 * t)), ball_y = c->height / 2;
  int ball_r = c->height / 6;
  for (int y = 0; y < c->height; y++)
    for (int x = 0; x < c->width; x++) {
      int bx = x - ball_x, by = y - ball_y;
      int v = bx * bx + by * by < ball_r * ball_r
                  ? 200 + bx % 16
                  : luma (x + dx, y + dy, scale);
      v += (int)(hash ((uint32_t)(n * c->height + y), (uint32_t)x) % 5) - 2;
      *out++ = (uint8_t)v;
    }
  memset (out, 124, (size_t)(c->width * c->height / 2));
}

static Clip
draw_clip (int width, int height)
{
  Clip c = { .width = width, .height = height, .n = CLIP };
  c.pictures = malloc (picture_bytes (&c) * CLIP);
  for (int n = 0; n < c.n; n++)
    draw (&c, n, c.pictures + (size_t)n * picture_bytes (&c));
  return c;
}

static Clip
read_clip (const char *name, int width, int height)
{
  Clip c = { .width = width, .height = height };
  FILE *file = fopen (name, "rb");
  c.pictures = malloc (picture_bytes (&c) * CLIP);
  while (file && c.n < CLIP
         && fread (c.pictures + (size_t)c.n * picture_bytes (&c),
                   picture_bytes (&c), 1, file)
                == 1)
    c.n++;
  if (file)
    fclose (file);
  if (c.n < 2) {
    fprintf (stderr, "encoder: %s holds no two pictures of %dx%d\n", name,
             width, height);
    exit (1);
  }
  return c;
}

/* --- measuring
 * ------------------------------------------------------------- */

typedef struct {
  uint32_t bytes[MEASURE];
  double ms[MEASURE], first_ms[MEASURE]; /* until all, and the first slice */
  size_t idr_bytes[4], after_idr_bytes[4], recovery_bytes[4];
} Run;

static int
compare_u32 (const void *a, const void *b)
{
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return x < y ? -1 : x > y;
}

static int
compare_double (const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

static BlX264 *
open_encoder (const BlX264Options *options)
{
  g_autoptr (GError) error = NULL;
  BlX264 *x264 = bl_x264_new (options, &error);
  if (!x264) {
    fprintf (stderr, "encoder: %s\n", error->message);
    exit (1);
  }
  return x264;
}

/* A picture, as it comes out. */
typedef struct {
  size_t length;
  BlTime begun, first; /* when it and its first slice */
  FILE *file;          /* or NULL */
} Unit;

static void
on_piece (const BlX264Piece *piece, void *user_data)
{
  Unit *unit = user_data;
  if (piece->index == 0)
    unit->first = bl_clock_now ();
  unit->length += piece->length;
  if (unit->file)
    fwrite (piece->data, piece->length, 1, unit->file);
}

static Unit
encode (BlX264 *x264, const Clip *clip, int n, bool keyframe, FILE *file)
{
  BlX264Picture raw = picture (clip, n);
  Unit unit = { .begun = bl_clock_now (), .file = file };
  if (!bl_x264_encode (x264, &raw, keyframe, on_piece, &unit)) {
    fprintf (stderr, "encoder: picture %d failed\n", n);
    exit (1);
  }
  return unit;
}

/* Pictures without a keyframe, then four IDRs and four losses of three pictures
 * a second apart. */
static void
measure (const Clip *clip, const BlX264Options *options, Run *run)
{
  g_autoptr (BlX264) x264 = open_encoder (options);
  int n = 0;
  while (n < WARM_UP)
    encode (x264, clip, n++, false, NULL);
  for (int i = 0; i < MEASURE; i++) {
    Unit unit = encode (x264, clip, n++, false, NULL);
    run->bytes[i] = (uint32_t)unit.length;
    run->first_ms[i] = (double)(unit.first - unit.begun) / 1000;
    run->ms[i] = (double)(bl_clock_now () - unit.begun) / 1000;
  }
  for (int i = 0; i < 4; i++) {
    run->idr_bytes[i] = encode (x264, clip, n++, true, NULL).length;
    run->after_idr_bytes[i] = encode (x264, clip, n++, false, NULL).length;
    for (int rest = 0; rest < FPS; rest++)
      encode (x264, clip, n++, false, NULL);
    bl_x264_lose (x264, n - 3);
    run->recovery_bytes[i] = encode (x264, clip, n++, false, NULL).length;
    for (int rest = 0; rest < FPS; rest++)
      encode (x264, clip, n++, false, NULL);
  }
  qsort (run->bytes, MEASURE, sizeof run->bytes[0], compare_u32);
  qsort (run->ms, MEASURE, sizeof run->ms[0], compare_double);
  qsort (run->first_ms, MEASURE, sizeof run->ms[0], compare_double);
}

static double
mean4 (const size_t bytes[4])
{
  return (double)(bytes[0] + bytes[1] + bytes[2] + bytes[3]) / 4;
}

static void
print_run (const Clip *clip, const BlX264Options *o, const Run *run)
{
  double sum = 0;
  for (int i = 0; i < MEASURE; i++)
    sum += run->bytes[i];
  double mean = sum / MEASURE;
  double budget = o->bitrate_bps / 8.0 / FPS;
  printf ("%4dx%-4d %5u %4u %-9s %u %u | %4.2f %4.2f %4.2f |"
          " %5.2f %5.2f %5.2f | %5.1f %5.1f %5.1f\n",
          clip->width, clip->height, o->bitrate_bps / 1000, o->vbv_ms,
          o->preset, o->threads, o->slices, mean / budget,
          run->bytes[MEASURE * 95 / 100] / budget,
          run->bytes[MEASURE - 1] / budget, mean4 (run->idr_bytes) / budget,
          mean4 (run->after_idr_bytes) / budget,
          mean4 (run->recovery_bytes) / budget, run->first_ms[MEASURE / 2],
          run->ms[MEASURE / 2], run->ms[MEASURE * 95 / 100]);
  fflush (stdout);
}

static void
print_head (const char *title)
{
  printf (
      "\n%s\nsize      kb/s  VBV preset threads slices | made: mean p95 max |"
      "  IDR after recovery | ms: first slice p50, all p50 p95\n",
      title);
}

static void
measure_one (const Clip *clip, BlX264Options o)
{
  static Run run;
  o.width = (uint16_t)clip->width;
  o.height = (uint16_t)clip->height;
  o.fps = FPS;
  measure (clip, &o, &run);
  print_run (clip, &o, &run);
}

static void
by_rate (const Clip *clip)
{
  static const struct {
    int height;
    uint32_t bitrates_bps[3];
  } rungs[] = {
    { 360, { 150000, 300000, 700000 } },
    { 540, { 700000, 1000000, 1500000 } },
    { 720, { 1200000, 2000000, 4000000 } },
    { 1080, { 2800000, 4000000, 6000000 } },
  };
  static const struct {
    uint16_t vbv_ms, threads, slices;
  } shapes[] = {
    { 50, 1, 1 }, { 50, 2, 2 }, { 67, 1, 1 },  { 67, 1, 2 },
    { 67, 1, 4 }, { 67, 2, 2 }, { 100, 1, 1 }, { 100, 2, 2 },
  };
  for (unsigned r = 0; r < G_N_ELEMENTS (rungs); r++)
    for (unsigned b = 0; rungs[r].height == clip->height && b < 3; b++)
      for (unsigned s = 0; s < G_N_ELEMENTS (shapes); s++)
        measure_one (clip,
                     (BlX264Options){ .bitrate_bps = rungs[r].bitrates_bps[b],
                                      .vbv_ms = shapes[s].vbv_ms,
                                      .preset = "superfast",
                                      .slices = shapes[s].slices,
                                      .threads = shapes[s].threads });
}

static void
by_preset (const Clip *clip)
{
  static const char *const presets[]
      = { "ultrafast", "superfast", "veryfast", "faster" };
  for (unsigned p = 0; p < G_N_ELEMENTS (presets); p++)
    for (uint16_t threads = 1; threads <= 2; threads++)
      measure_one (clip, (BlX264Options){ .bitrate_bps = 4000000,
                                          .vbv_ms = 67,
                                          .preset = presets[p],
                                          .slices = threads,
                                          .threads = threads });
}

static void
measure_all (const Clip *clip)
{
  by_rate (clip);
  if (clip->height >= 720)
    by_preset (clip);
}

/* Of each twenty pictures one, two, three … seven are lost. */
static int
write_stream (const char *name)
{
  Clip clip = draw_clip (640, 360);
  BlX264Options options = { .width = 640,
                            .height = 360,
                            .fps = FPS,
                            .bitrate_bps = 700000,
                            .vbv_ms = 67,
                            .preset = "superfast",
                            .slices = 2,
                            .threads = 1 };
  g_autoptr (BlX264) x264 = open_encoder (&options);
  FILE *file = fopen (name, "wb");
  int written = 0;
  for (int n = 0; file && n < 20 * 40; n++) {
    int lost = n / 20 % 8;
    if (n % 20 == lost)
      bl_x264_lose (x264, n - lost);
    bool lost_too = n % 20 < lost && n > 20;
    encode (x264, &clip, n, false, lost_too ? NULL : file);
    written += !lost_too;
  }
  if (!file || fclose (file) != 0) {
    perror (name);
    return 1;
  }
  printf ("%d pictures\n", written);
  return 0;
}

int
main (int argc, char **argv)
{
  static const int heights[] = { 360, 540, 720, 1080 };
  if (argc == 3 && g_str_equal (argv[1], "--stream"))
    return write_stream (argv[2]);
  print_head ("sizes in parts of a picture's share of the rate");
  if (argc == 4) {
    Clip clip = read_clip (argv[1], atoi (argv[2]), atoi (argv[3]));
    measure_all (&clip);
    free (clip.pictures);
    return 0;
  }
  for (unsigned i = 0; i < G_N_ELEMENTS (heights); i++) {
    if (argc == 2 && atoi (argv[1]) != heights[i])
      continue;
    Clip clip = draw_clip (heights[i] * 16 / 9, heights[i]);
    measure_all (&clip);
    free (clip.pictures);
  }
  return 0;
}
