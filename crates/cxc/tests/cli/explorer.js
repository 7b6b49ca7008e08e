// A browser as the explorer's starter needs it: signs in, lets the starter hand over its options, and sends what the
// explorer would send. Arguments: origin, user, password. Prints the statuses of a POST with and without the starter.
const [origin, username, password] = process.argv.slice(2);
const base = "/cx-contact/v3";

async function main() {
  const json = { "content-type": "application/json" };
  const login = { method: "POST", headers: json, body: JSON.stringify({ username, password }) };
  const signedIn = await fetch(origin + base + "/auth/login", login);
  const cookie = signedIn.headers.get("set-cookie").split(";")[0];

  let options;
  const bundle = (given) => (options = given);
  bundle.presets = {};
  bundle.plugins = {};
  const page = { location: { href: origin + base + "/explore/", origin } };
  const ofPage = (path, init) => fetch(new URL(path, origin), { ...init, headers: { ...init?.headers, cookie } });
  const script = await (await fetch(origin + base + "/explore/swagger-initializer.js")).text();
  new Function("window", "fetch", "SwaggerUIBundle", "SwaggerUIStandalonePreset", script)(page, ofPage, bundle, {});
  page.onload();

  const post = (name) => ({ url: origin + base + "/roles", method: "POST", headers: json, body: JSON.stringify({ name }) });
  const send = async (request) => (await ofPage(request.url, request)).status;
  const plain = await send(post("plain"));
  const intercepted = await send(await options.requestInterceptor(post("through the explorer")));
  const elsewhere = await options.requestInterceptor({ ...post("x"), url: "http://example.com/" });
  const read = await options.requestInterceptor({ url: origin + base + "/roles", headers: {} });
  const leaks = [elsewhere, read].filter((request) => "X-CSRF-Token" in request.headers).length;
  console.log(JSON.stringify({ plain, intercepted, leaks, spec: options.url }));
}

main();
