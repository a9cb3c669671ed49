// Drives the published JavaScript client: one call a line on standard input, one answer a line on standard
// output. The lines are described in tests/support/upstream_clients.py.

import readline from 'node:readline';

import { ClientConfig } from 'karya-client/client/config.js';
import { KaryaRestClient } from 'karya-client/client/karya-rest-client.js';
import * as requests from 'karya-client/client/requests.js';
import * as actions from 'karya-client/entities/actions.js';
import { Hook } from 'karya-client/entities/models.js';
import * as planTypes from 'karya-client/entities/plan-types.js';

// Its constructors take their arguments by position.
const CLASSES = {
  CreateUserRequest: [requests.CreateUserRequest, ['name']],
  SubmitPlanRequest: [
    requests.SubmitPlanRequest,
    ['user_id', 'description', 'period_time', 'plan_type', 'action', 'hooks', 'max_failure_retry'],
  ],
  UpdatePlanRequest: [requests.UpdatePlanRequest, ['plan_id', 'period_time', 'max_failure_retry', 'hooks']],
  Hook: [Hook, ['trigger', 'action', 'max_retry']],
  OneTime: [planTypes.OneTime, []],
  Recurring: [planTypes.Recurring, ['end_at']],
  RestApiRequest: [
    actions.RestApiRequest,
    ['base_url', 'body', 'protocol', 'method', 'headers', 'timeout'],
  ],
  JsonBody: [actions.RestApiRequest.JsonBody, ['data']],
  EmptyBody: [actions.RestApiRequest.EmptyBody, []],
  SlackMessageRequest: [actions.SlackMessageRequest, ['channel', 'message']],
  EmailRequest: [actions.EmailRequest, ['recipient', 'subject', 'message']],
  KafkaProducerRequest: [actions.KafkaProducerRequest, ['topic', 'message', 'key']],
  ChainedRequest: [actions.ChainedRequest, ['request']],
};

// What a description stands for. In this client what is not given is undefined, not null.
function built(value) {
  if (Array.isArray(value)) return value.map(built);
  if (value === null) return undefined;
  if (typeof value !== 'object' || !('new' in value)) return value;
  const [kind, names] = CLASSES[value.new];
  return new kind(...names.map((name) => built(value.with[name])));
}

const camel = (name) => name.replace(/_(.)/g, (_, letter) => letter.toUpperCase());
const text = (body) => (typeof body === 'string' ? body : JSON.stringify(body));

const client = new KaryaRestClient(new ClientConfig(new URL(process.argv[2])));
for await (const line of readline.createInterface({ input: process.stdin })) {
  const { method, args } = JSON.parse(line);
  let answer;
  try {
    answer = { result: await client[camel(method)](...args.map(built)) };
  } catch (error) {
    if (!error.response) throw error;
    answer = { status: error.response.status, body: text(error.response.data) };
  }
  console.log(JSON.stringify(answer));
}
await client.close();
