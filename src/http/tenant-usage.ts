/** Counts the bytes of the answers of each tenant, before their compression. Files that are downloaded are not counted. */
import type { FastifyInstance } from 'fastify';
import type { TenantUsage } from '../services/telemetry/tenant-usage.js';

/** Installs the step. Answers are bytes since `answer-size`. */
export function installTenantUsage(app: FastifyInstance, usage: TenantUsage): void {
  app.addHook('onSend', (request, _reply, payload, done) => {
    if (request.viewer && Buffer.isBuffer(payload))
      usage.add(request.viewer.tenantId, 'bytes', payload.length);
    done(null, payload);
  });
}
