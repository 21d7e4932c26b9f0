/* Gives the lines of standard input to an exported model, without Python.
 *
 * It uses TensorFlow as tensorflow_model_server does: a session of a SavedModel, the
 * operations of TF Text loaded beside it, and XLA switched off.
 *
 *     embed [options] VERSION_FOLDER TF_TEXT_LIBRARY... < texts
 *
 *     --signature NAME   default: serving_default
 *     --output NAME      default: embedding
 *     --batch N          texts in a request; default: all of them
 *     --repeat N         answers every request N times more, and tells the median time
 *     --threads N        threads of TensorFlow; default: one a processor
 *     --intra-op N       threads of an operation, of those; default: all
 *     --clients N        requests that are timed at once; default: 1
 *
 * Vectors or texts go to standard output, a line an input; times go to the error stream.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tensorflow/c/c_api.h"
#include "tensorflow/c/tf_tstring.h"

/* tensorflow::DisableXlaCompilation(), which the server calls when it starts. */
extern void _ZN10tensorflow21DisableXlaCompilationEv(void);

static void fail(const char *what, const char *why) {
  fprintf(stderr, "embed: %s: %s\n", what, why);
  exit(1);
}

static void check(TF_Status *status, const char *what) {
  if (TF_GetCode(status) != TF_OK) fail(what, TF_Message(status));
}

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec + now.tv_nsec * 1e-9;
}

/* === Protocol buffers: as much of them as finds a tensor's name === */

typedef struct {
  const uint8_t *data, *end;
} Message;

static uint64_t varint(Message *message) {
  uint64_t value = 0;
  for (int shift = 0; message->data < message->end && shift < 64; shift += 7) {
    uint8_t byte = *message->data++;
    value |= (uint64_t)(byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  return value;
}

/* Moves to the next length-delimited field of some number; 0 where there is none. */
static int next_field(Message *message, uint64_t number, Message *content) {
  while (message->data < message->end) {
    uint64_t tag = varint(message), size = 0;
    switch (tag & 7) {
      case 0: varint(message); continue;
      case 1: size = 8; break;
      case 2: size = varint(message); break;
      case 5: size = 4; break;
      default: return 0;
    }
    if (size > (uint64_t)(message->end - message->data)) return 0;
    content->data = message->data;
    content->end = message->data += size;
    if (tag >> 3 == number && (tag & 7) == 2) return 1;
  }
  return 0;
}

/* The value of a key in a map that is some field of a message. */
static int lookup(Message message, uint64_t field, const char *key, Message *value) {
  Message entry, name;
  while (next_field(&message, field, &entry)) {
    Message rest = entry;
    if (!next_field(&rest, 1, &name)) continue;
    size_t size = name.end - name.data;
    if (size != strlen(key) || memcmp(name.data, key, size)) continue;
    rest = entry;
    return next_field(&rest, 2, value);
  }
  return 0;
}

enum { SIGNATURE_DEF = 5, INPUTS = 1, OUTPUTS = 2, TENSOR_NAME = 1 };

static TF_Output tensor_of(TF_Graph *graph, const TF_Buffer *meta_graph,
                           const char *signature, int side, const char *key) {
  Message all = {meta_graph->data, (const uint8_t *)meta_graph->data + meta_graph->length};
  Message definition, info, name;
  if (!lookup(all, SIGNATURE_DEF, signature, &definition))
    fail("no such signature", signature);
  if (!lookup(definition, side, key, &info) || !next_field(&info, TENSOR_NAME, &name))
    fail("no such input or output", key);
  char operation[1024];
  snprintf(operation, sizeof operation, "%.*s", (int)(name.end - name.data),
           (const char *)name.data);
  char *colon = strchr(operation, ':');
  TF_Output output = {NULL, colon ? atoi(colon + 1) : 0};
  if (colon) *colon = 0;
  output.oper = TF_GraphOperationByName(graph, operation);
  if (!output.oper) fail("no such operation", operation);
  return output;
}

/* === Tensors === */

static void free_strings(void *data, size_t size, void *unused) {
  (void)unused;
  for (size_t i = 0; i < size / sizeof(TF_TString); i++)
    TF_TString_Dealloc((TF_TString *)data + i);
  free(data);
}

static TF_Tensor *string_tensor(char **texts, size_t *sizes, int64_t count) {
  TF_TString *strings = calloc(count ? count : 1, sizeof *strings);
  for (int64_t i = 0; i < count; i++) {
    TF_TString_Init(strings + i);
    TF_TString_Copy(strings + i, texts[i], sizes[i]);
  }
  return TF_NewTensor(TF_STRING, &count, 1, strings, count * sizeof *strings,
                      free_strings, NULL);
}

static void print_rows(const TF_Tensor *tensor) {
  if (TF_TensorType(tensor) == TF_STRING && TF_NumDims(tensor) == 1) {
    const TF_TString *texts = TF_TensorData(tensor);
    for (int64_t row = 0; row < TF_Dim(tensor, 0); row++)
      printf("%.*s\n", (int)TF_TString_GetSize(texts + row),
             TF_TString_GetDataPointer(texts + row));
    return;
  }
  if (TF_TensorType(tensor) != TF_FLOAT || TF_NumDims(tensor) != 2)
    fail("output", "expected float32 [B, D] or strings [B]");
  const float *values = TF_TensorData(tensor);
  int64_t size = TF_Dim(tensor, 1);
  for (int64_t row = 0; row < TF_Dim(tensor, 0); row++)
    for (int64_t i = 0; i < size; i++)
      printf("%.9g%c", values[row * size + i], i + 1 < size ? ' ' : '\n');
}

static int by_size(const void *a, const void *b) {
  double difference = *(const double *)a - *(const double *)b;
  return (difference > 0) - (difference < 0);
}

/* === Timed requests: clients take the next one until none is left === */

typedef struct {
  TF_Session *session;
  TF_Output input, output;
  TF_Tensor **texts;
  int64_t requests, all, next;
  double *times;
} Work;

/* Answers a request; tells how long it took. */
static TF_Tensor *answer(const Work *work, int64_t request, double *taken) {
  TF_Status *status = TF_NewStatus();
  TF_Tensor *vectors = NULL;
  double before = seconds();
  TF_SessionRun(work->session, NULL, &work->input, work->texts + request, 1,
                &work->output, &vectors, 1, NULL, 0, NULL, status);
  check(status, "request");
  *taken = seconds() - before;
  TF_DeleteStatus(status);
  return vectors;
}

static void *client(void *shared) {
  Work *work = shared;
  for (;;) {
    int64_t place = __atomic_fetch_add(&work->next, 1, __ATOMIC_RELAXED);
    if (place >= work->all) return NULL;
    TF_DeleteTensor(answer(work, place % work->requests, work->times + place));
  }
}

static void answer_at_once(Work *work, int64_t clients) {
  pthread_t *threads = calloc(clients, sizeof *threads);
  for (int64_t i = 0; i < clients; i++)
    if (pthread_create(threads + i, NULL, client, work)) fail("--clients", "no thread");
  for (int64_t i = 0; i < clients; i++) pthread_join(threads[i], NULL);
  free(threads);
}

int main(int argc, char **argv) {
  const char *signature = "serving_default", *output_name = "embedding";
  int64_t batch = 0, repeat = 0, threads = 0, intra_op = 0, clients = 1;
  int first = 1;
  for (; first + 1 < argc && !strncmp(argv[first], "--", 2); first += 2) {
    const char *value = argv[first + 1];
    if (!strcmp(argv[first], "--signature")) signature = value;
    else if (!strcmp(argv[first], "--output")) output_name = value;
    else if (!strcmp(argv[first], "--batch")) batch = atoll(value);
    else if (!strcmp(argv[first], "--repeat")) repeat = atoll(value);
    else if (!strcmp(argv[first], "--threads")) threads = atoll(value);
    else if (!strcmp(argv[first], "--intra-op")) intra_op = atoll(value);
    else if (!strcmp(argv[first], "--clients")) clients = atoll(value);
    else fail("no such option", argv[first]);
  }
  if (first >= argc) fail("usage", "embed [options] VERSION_FOLDER TF_TEXT_LIBRARY...");

  _ZN10tensorflow21DisableXlaCompilationEv();
  TF_Status *status = TF_NewStatus();
  for (int i = first + 1; i < argc; i++) {
    TF_LoadLibrary(argv[i], status);
    check(status, argv[i]);
  }

  double start = seconds();
  TF_SessionOptions *options = TF_NewSessionOptions();
  if (threads > 0 && threads < 128) { /* ConfigProto: intra and inter op threads */
    if (intra_op < 1 || intra_op > threads) intra_op = threads;
    uint8_t config[] = {2 << 3, intra_op, 5 << 3, threads};
    TF_SetConfig(options, config, sizeof config, status);
    check(status, "--threads");
  }
  TF_Graph *graph = TF_NewGraph();
  TF_Buffer *meta_graph = TF_NewBuffer();
  const char *tags[] = {"serve"};
  TF_Session *session = TF_LoadSessionFromSavedModel(
      options, NULL, argv[first], tags, 1, graph, meta_graph, status);
  check(status, argv[first]);
  TF_Output input = tensor_of(graph, meta_graph, signature, INPUTS, "text");
  TF_Output output = tensor_of(graph, meta_graph, signature, OUTPUTS, output_name);
  double loaded = seconds();
  fprintf(stderr, "load_s %.3f\n", loaded - start);

  char **texts = NULL;
  size_t *sizes = NULL, room = 0;
  int64_t count = 0;
  ssize_t size;
  for (char *line = NULL; (size = getline(&line, &room, stdin)) >= 0; line = NULL) {
    if (size && line[size - 1] == '\n') size--;
    texts = realloc(texts, (count + 1) * sizeof *texts);
    sizes = realloc(sizes, (count + 1) * sizeof *sizes);
    texts[count] = line;
    sizes[count++] = size;
    room = 0;
  }

  if (batch < 1) batch = count ? count : 1;
  int64_t requests = count ? (count + batch - 1) / batch : 1, all = requests * repeat;
  TF_Tensor **inputs = calloc(requests, sizeof *inputs);
  double *times = calloc(all + 1, sizeof *times);
  Work work = {session, input, output, inputs, requests, all, 0, times};
  for (int64_t i = 0; i < requests; i++) {
    int64_t begin = i * batch, left = count - begin < batch ? count - begin : batch;
    inputs[i] = string_tensor(texts + begin, sizes + begin, left);
    double taken;
    TF_Tensor *vectors = answer(&work, i, &taken);
    if (i == 0) fprintf(stderr, "first_answer_s %.3f\n", taken);
    print_rows(vectors);
    TF_DeleteTensor(vectors);
  }
  if (repeat) {
    double before = seconds();
    answer_at_once(&work, clients > 1 ? clients : 1);
    double total = seconds() - before;
    qsort(times, all, sizeof *times, by_size);
    fprintf(stderr, "median_s %.6f\ntexts_per_s %.1f\n", times[all / 2],
            count * repeat / total);
  }
  for (int64_t i = 0; i < requests; i++) TF_DeleteTensor(inputs[i]);
  TF_CloseSession(session, status);
  TF_DeleteSession(session, status);
  return 0;
}
