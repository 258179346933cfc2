// Key Vault's model from Node, by stubs made from the protos. Usage: grpc.js SOCKET PROTOS
'use strict';

const assert = require('node:assert');
const crypto = require('node:crypto');
const path = require('node:path');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const [socket, protos] = process.argv.slice(2);
const files = ['vaults', 'keys', 'secrets', 'crypto', 'access'].map((name) => `softkeep/v1/${name}.proto`);
const definition = loader.loadSync(files, { includeDirs: [protos], keepCase: true, longs: Number, defaults: true });
const { softkeep } = grpc.loadPackageDefinition(definition);

// grpc-js, too, must be told what to call a Unix socket.
const options = { 'grpc.default_authority': 'localhost' };
const client = (Service) => new Service(`unix:${path.resolve(socket)}`, grpc.credentials.createInsecure(), options);

const call = (service, method, request, metadata = new grpc.Metadata()) =>
  new Promise((resolve, reject) =>
    service[method](request, metadata, { deadline: Date.now() + 20_000 }, (error, reply) =>
      error ? reject(error) : resolve(reply)));

async function refused(promise, code) {
  await assert.rejects(promise, (error) => {
    assert.strictEqual(error.code, code, error.message);
    return true;
  });
}

async function main() {
  const { Vaults, Keys, Secrets, Crypto, Access } = softkeep.v1;
  const [vaults, keys, secrets, data, access] = [Vaults, Keys, Secrets, Crypto, Access].map(client);

  const vault = 'node-vault';
  const made = await call(vaults, 'CreateVault', { name: vault, sku: 'premium', request_id: 'n' });
  assert.strictEqual((await call(vaults, 'CreateVault', { name: vault, request_id: 'n' })).id, made.id);
  console.log('vaults');

  const key = await call(keys, 'CreateKey', { vault, name: 'signer', kty: 'EC', curve: 'P-256' });
  const digest = crypto.createHash('sha256').update('message').digest();
  const signed = await call(data, 'Sign', { key: { vault, name: 'signer' }, algorithm: 'ES256', digest });
  const public_key = crypto.createPublicKey({ key: key.public_key_der, format: 'der', type: 'spki' });
  const check = { key: public_key, dsaEncoding: 'ieee-p1363' };
  assert(crypto.verify('sha256', Buffer.from('message'), check, signed.signature), 'Node verifies the signature');
  assert(!crypto.verify('sha256', Buffer.from('massage'), check, signed.signature));
  const rotated = await call(keys, 'RotateKey', { vault, name: 'signer' });
  assert.notStrictEqual(rotated.version, key.version);
  await refused(call(keys, 'GetKey', { vault, name: 'nobody' }), grpc.status.NOT_FOUND);
  console.log('keys');

  await call(secrets, 'SetSecret', { vault, name: 'word', value: Buffer.from('a blank ') });
  assert.strictEqual((await call(secrets, 'GetSecret', { vault, name: 'word' })).value.toString(), 'a blank ');
  console.log('secrets');

  const robot = await call(access, 'CreatePrincipal', { kind: 'ServicePrincipal', display_name: 'node', password: 'node-secret-1' });
  const credential = { name: robot.app_id, password: 'node-secret-1' };
  const token = await call(access, 'SignIn', { client_secret: credential });
  const bearer = new grpc.Metadata();
  bearer.set('authorization', `Bearer ${token.access_token}`);
  await refused(call(secrets, 'GetSecret', { vault, name: 'word' }, bearer), grpc.status.NOT_FOUND);
  await call(vaults, 'SetAccessPolicy', { vault, principal: robot.app_id, secrets: { names: ['get'] } });
  assert.strictEqual((await call(secrets, 'GetSecret', { vault, name: 'word' }, bearer)).name, 'word');
  await refused(call(secrets, 'DeleteSecret', { vault, name: 'word' }, bearer), grpc.status.PERMISSION_DENIED);
  console.log('access');

  const stream = data.Pipeline(new grpc.Metadata(), { deadline: Date.now() + 20_000 });
  const answers = new Map();
  const ended = new Promise((resolve, reject) => {
    stream.on('data', (reply) => answers.set(reply.number, reply.reply));
    stream.on('end', resolve);
    stream.on('error', reject);
  });
  for (let number = 0; number < 50; number += 1) {
    stream.write({ number, request: { sign: { key: { vault, name: 'signer' }, algorithm: 'ES256', digest } } });
  }
  stream.end();
  await ended;
  assert.strictEqual(answers.size, 50);
  for (const reply of answers.values()) assert.strictEqual(reply.sign.signature.length, 64);
  console.log('pipeline');
  [vaults, keys, secrets, data, access].forEach((service) => service.close());
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
