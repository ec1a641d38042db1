// node verify.mjs KEY.pem BUNDLE.json...
// What sigstore's own libraries say to each bundle: one line each, "ok SUBJECT-DIGEST" or "refused REASON".
import { createHash, createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { bundleFromJSON } from '@sigstore/bundle';
import { toSignedEntity, Verifier } from '@sigstore/verify';

const [keyFile, ...bundles] = process.argv.slice(2);
const publicKey = createPublicKey(readFileSync(keyFile));
const hint = createHash('sha256').update(publicKey.export({ type: 'spki', format: 'der' })).digest('base64');
const material = {
  certificateAuthorities: [], timestampAuthorities: [], tlogs: [], ctlogs: [],
  publicKey: (wanted) => {
    if (wanted !== hint) {
      throw new Error(`no key has the hint ${wanted}`);
    }

    return { publicKey, validFor: () => true };
  },
};
const verifier = new Verifier(material, { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 0 });
for (const file of bundles) {
  try {
    const bundle = bundleFromJSON(JSON.parse(readFileSync(file, 'utf8')));
    verifier.verify(toSignedEntity(bundle));
    const statement = JSON.parse(bundle.content.dsseEnvelope.payload.toString());
    console.log(`ok ${statement.subject[0].digest.sha256}`);
  } catch (error) {
    console.log(`refused ${error.message.replaceAll('\n', ' ')}`);
  }
}
