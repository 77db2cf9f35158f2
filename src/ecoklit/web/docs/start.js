"use strict";
// Everything is asked of this host: no validator, no fonts, no settings from the address.
SwaggerUIBundle({
  dom_id: "#api",
  url: "/openapi.json",
  validatorUrl: null,
  queryConfigEnabled: false,
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  tryItOutEnabled: false,
  persistAuthorization: false,
});
