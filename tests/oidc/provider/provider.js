// A real OpenID Connect provider for the tests: node provider.js PORT KEYS, where KEYS is a JSON array of private JWKs.
// Whoever types a login is let in under that name; it says READY when it listens.
import { Provider } from "oidc-provider";

const [port, keys] = process.argv.slice(2);
const redirect_uris = ["http://127.0.0.1:9/v1/sign-in/oidc/callback"];
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    { client_id: "ecoklit", client_secret: "a secret: with / and %", redirect_uris },
    { client_id: "public", token_endpoint_auth_method: "none", redirect_uris },
  ],
  cookies: { keys: ["made up for tests"] },
  jwks: { keys: JSON.parse(keys) },
  acrValues: ["urn:office:two"],
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
});
provider.listen(Number(port), "127.0.0.1", () => console.log("READY"));
