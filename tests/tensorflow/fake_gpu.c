/* A device that TensorFlow takes for a GPU: a plugin that says on standard error what is asked of it.

   Its memory is the computer's, and nothing can be computed on it. See test_devices.py. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensorflow/c/experimental/stream_executor/stream_executor.h"

#define SAY(...) fprintf(stderr, "fake GPU: " __VA_ARGS__)
#define SUCCEED TF_SetStatus(status, TF_OK, "")
#define DEVICE const SP_Device* device
#define STREAM DEVICE, SP_Stream stream

/* Memory. */
static void allocate(DEVICE, uint64_t size, int64_t space, SP_DeviceMemoryBase* memory) {
  SAY("allocate %llu\n", (unsigned long long)size);
  memory->struct_size = SP_DEVICE_MEMORY_BASE_STRUCT_SIZE;
  memory->opaque = malloc(size);
  memory->size = size;
}
static void deallocate(DEVICE, SP_DeviceMemoryBase* memory) { free(memory->opaque); }
static void* allocate_on_host(DEVICE, uint64_t size) { return malloc(size); }
static void deallocate_on_host(DEVICE, void* memory) { free(memory); }
static TF_Bool get_statistics(DEVICE, SP_AllocatorStats* statistics) { return 0; }
static TF_Bool get_usage(DEVICE, int64_t* n_free, int64_t* total) {
  *n_free = *total = 1 << 30;
  return 1;
}

/* Streams, events and timers: all is done at once. */
static void create_stream(DEVICE, SP_Stream* stream, TF_Status* status) {
  *stream = malloc(1);
  SUCCEED;
}
static void destroy_stream(STREAM) { free(stream); }
static void depend(STREAM, SP_Stream other, TF_Status* status) { SUCCEED; }
static void use_stream(STREAM, TF_Status* status) { SUCCEED; }
static void create_event(DEVICE, SP_Event* event, TF_Status* status) {
  *event = malloc(1);
  SUCCEED;
}
static void destroy_event(DEVICE, SP_Event event) { free(event); }
static SE_EventStatus get_event_status(DEVICE, SP_Event event) { return SE_EVENT_COMPLETE; }
static void use_event(STREAM, SP_Event event, TF_Status* status) { SUCCEED; }
static void block_for_event(DEVICE, SP_Event event, TF_Status* status) { SUCCEED; }
static void create_timer(DEVICE, SP_Timer* timer, TF_Status* status) {
  *timer = malloc(1);
  SUCCEED;
}
static void destroy_timer(DEVICE, SP_Timer timer) { free(timer); }
static void use_timer(STREAM, SP_Timer timer, TF_Status* status) { SUCCEED; }
static uint64_t get_nanoseconds(SP_Timer timer) { return 0; }
static void synchronize(DEVICE, TF_Status* status) { SUCCEED; }
static TF_Bool call_host(STREAM, SE_StatusCallbackFn function, void* argument) {
  TF_Status* status = TF_NewStatus();
  function(argument, status);
  TF_DeleteStatus(status);
  return 1;
}

/* Copies. */
static void copy_to_host(STREAM, void* to, const SP_DeviceMemoryBase* from, uint64_t size,
                         TF_Status* status) {
  SAY("copy %llu to the host\n", (unsigned long long)size);
  memcpy(to, from->opaque, size);
  SUCCEED;
}
static void copy_from_host(STREAM, SP_DeviceMemoryBase* to, const void* from, uint64_t size,
                           TF_Status* status) {
  SAY("copy %llu from the host\n", (unsigned long long)size);
  memcpy(to->opaque, from, size);
  SUCCEED;
}
static void copy(STREAM, SP_DeviceMemoryBase* to, const SP_DeviceMemoryBase* from, uint64_t size,
                 TF_Status* status) {
  memcpy(to->opaque, from->opaque, size);
  SUCCEED;
}
static void copy_to_host_now(DEVICE, void* to, const SP_DeviceMemoryBase* from, uint64_t size,
                             TF_Status* status) {
  copy_to_host(device, NULL, to, from, size, status);
}
static void copy_from_host_now(DEVICE, SP_DeviceMemoryBase* to, const void* from, uint64_t size,
                               TF_Status* status) {
  copy_from_host(device, NULL, to, from, size, status);
}
static void copy_now(DEVICE, SP_DeviceMemoryBase* to, const SP_DeviceMemoryBase* from,
                     uint64_t size, TF_Status* status) {
  copy(device, NULL, to, from, size, status);
}
static void fill(STREAM, SP_DeviceMemoryBase* memory, uint8_t value, uint64_t size,
                 TF_Status* status) {
  memset(memory->opaque, value, size);
  SUCCEED;
}
static void fill_zeros(STREAM, SP_DeviceMemoryBase* memory, uint64_t size, TF_Status* status) {
  fill(device, stream, memory, 0, size, status);
}
static void fill_integers(STREAM, SP_DeviceMemoryBase* memory, uint32_t value, uint64_t size,
                          TF_Status* status) {
  for (uint64_t i = 0; i < size / 4; i++) ((uint32_t*)memory->opaque)[i] = value;
  SUCCEED;
}

/* The device and the platform. */
static int32_t get_numa_node(DEVICE) { return -1; }
static int64_t get_bandwidth(DEVICE) { return -1; }
static double get_gflops(DEVICE) { return -1; }
static void count_devices(const SP_Platform* platform, int* count, TF_Status* status) {
  *count = 1;
  SUCCEED;
}
static void create_device(const SP_Platform* platform, SE_CreateDeviceParams* params,
                          TF_Status* status) {
  SAY("create device\n");
  params->device->struct_size = SP_DEVICE_STRUCT_SIZE;
  params->device->ordinal = params->ordinal;
  params->device->hardware_name = "fake";
  params->device->device_vendor = "nobody";
  params->device->pci_bus_id = "0000:00:00.0";
  SUCCEED;
}
static void destroy_device(const SP_Platform* platform, SP_Device* device) {}
static void create_device_fns(const SP_Platform* platform, SE_CreateDeviceFnsParams* params,
                              TF_Status* status) {
  *params->device_fns = (SP_DeviceFns){
      SP_DEVICE_FNS_STRUCT_SIZE, NULL, get_numa_node, get_bandwidth, get_gflops};
  SUCCEED;
}
static void destroy_device_fns(const SP_Platform* platform, SP_DeviceFns* functions) {}
static void create_executor(const SP_Platform* platform, SE_CreateStreamExecutorParams* params,
                            TF_Status* status) {
  *params->stream_executor = (SP_StreamExecutor){
      .struct_size = SP_STREAMEXECUTOR_STRUCT_SIZE,
      .allocate = allocate,
      .deallocate = deallocate,
      .host_memory_allocate = allocate_on_host,
      .host_memory_deallocate = deallocate_on_host,
      .get_allocator_stats = get_statistics,
      .device_memory_usage = get_usage,
      .create_stream = create_stream,
      .destroy_stream = destroy_stream,
      .create_stream_dependency = depend,
      .get_stream_status = use_stream,
      .create_event = create_event,
      .destroy_event = destroy_event,
      .get_event_status = get_event_status,
      .record_event = use_event,
      .wait_for_event = use_event,
      .create_timer = create_timer,
      .destroy_timer = destroy_timer,
      .start_timer = use_timer,
      .stop_timer = use_timer,
      .memcpy_dtoh = copy_to_host,
      .memcpy_htod = copy_from_host,
      .memcpy_dtod = copy,
      .sync_memcpy_dtoh = copy_to_host_now,
      .sync_memcpy_htod = copy_from_host_now,
      .sync_memcpy_dtod = copy_now,
      .block_host_for_event = block_for_event,
      .block_host_until_done = use_stream,
      .synchronize_all_activity = synchronize,
      .mem_zero = fill_zeros,
      .memset = fill,
      .memset32 = fill_integers,
      .host_callback = call_host,
  };
  SUCCEED;
}
static void destroy_executor(const SP_Platform* platform, SP_StreamExecutor* executor) {}
static void create_timer_fns(const SP_Platform* platform, SP_TimerFns* functions,
                             TF_Status* status) {
  *functions = (SP_TimerFns){SP_TIMER_FNS_STRUCT_SIZE, NULL, get_nanoseconds};
  SUCCEED;
}
static void destroy_timer_fns(const SP_Platform* platform, SP_TimerFns* functions) {}
static void destroy_platform(SP_Platform* platform) {}
static void destroy_platform_fns(SP_PlatformFns* functions) {}

void SE_InitPlugin(SE_PlatformRegistrationParams* params, TF_Status* status) {
  params->major_version = SE_MAJOR;
  params->minor_version = SE_MINOR;
  params->patch_version = SE_PATCH;
  *params->platform = (SP_Platform){.struct_size = SP_PLATFORM_STRUCT_SIZE,
                                    .name = "FAKE",
                                    .type = "GPU",
                                    .use_bfc_allocator = 1};
  *params->platform_fns = (SP_PlatformFns){
      SP_PLATFORM_FNS_STRUCT_SIZE, NULL,
      count_devices,    create_device,    destroy_device,
      create_device_fns, destroy_device_fns,
      create_executor,  destroy_executor,
      create_timer_fns, destroy_timer_fns};
  params->destroy_platform = destroy_platform;
  params->destroy_platform_fns = destroy_platform_fns;
  SUCCEED;
}
