/* A driver of NVIDIA's with two GPUs, as the header nvml.h has its functions: the second tells no power. */
typedef struct { unsigned long long total, free, used; } memory_t;
typedef struct { unsigned int gpu, memory; } use_t;
static int gpus[2] = {0, 1};
int nvmlInitWithFlags(unsigned int flags) { return 0; }
int nvmlShutdown(void) { return 0; }
int nvmlDeviceGetCount_v2(unsigned int *count) { *count = 2; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned int index, void **device) { *device = &gpus[index]; return 0; }
int nvmlDeviceGetUUID(void *device, char *uuid, unsigned int length) {
  const char *text = *(int *)device ? "GPU-bbbb-2" : "GPU-aaaa-1";
  unsigned int at = 0;
  for (; text[at] && at + 1 < length; at++) uuid[at] = text[at];
  uuid[at] = 0;
  return 0;
}
int nvmlDeviceGetUtilizationRates(void *device, use_t *use) { use->gpu = 80; use->memory = 20; return 0; }
int nvmlDeviceGetMemoryInfo(void *device, memory_t *memory) {
  memory->total = 4000; memory->used = 1000; memory->free = 3000;
  return 0;
}
int nvmlDeviceGetPowerUsage(void *device, unsigned int *milliwatts) {
  *milliwatts = 250500;
  return *(int *)device ? 3 : 0; /* NVML_ERROR_NOT_SUPPORTED */
}
int nvmlDeviceGetTemperature(void *device, unsigned int sensor, unsigned int *celsius) {
  *celsius = 61;
  return 0;
}
