export { detectionBatch, detectionLines } from './detection-requests.ts';
export * from './detections.ts';
export * from './device-tracks.ts';
export * from './devices.ts';
export { batchReply, brokenBatchReply, syncEventReply } from './ingest-replies.ts';
export * from './networks.ts';
export * from './operations.ts';
export { problem } from './problem.ts';
export * from './quarantine.ts';
export {
  deviceEnvelope,
  replayRequest,
  syncEventBatch,
  syncEventLines,
  syncEventRequest,
} from './requests.ts';
export * from './telemetry.ts';
