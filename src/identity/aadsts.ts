/** What to do about Entra's error codes that users meet (Microsoft Entra error code reference). */
const ADVICE: Readonly<Record<string, string>> = {
  AADSTS7000215: 'AZURE_CLIENT_SECRET is wrong; it must be the value of the secret, not its ID',
  AADSTS7000222: 'the client secret has expired; make a new one',
  AADSTS700016: 'there is no application AZURE_CLIENT_ID in the tenant; check both',
  AADSTS700027: 'the certificate is not registered with the application, or not the one it has',
  AADSTS700024: 'the assertion has expired or is not valid yet; check the clock, get a new one',
  AADSTS70021: 'the application has no federated credential for this assertion',
  AADSTS700211: "no federated credential names the assertion's issuer",
  AADSTS700212: "no federated credential names the assertion's audience",
  AADSTS700213: "no federated credential names the assertion's subject",
  AADSTS900023: 'AZURE_TENANT_ID is neither a GUID nor a domain name of a tenant',
  AADSTS90002: 'there is no such tenant; check AZURE_TENANT_ID',
  AADSTS50020: 'the account is of another tenant; it must be invited there, or sign in with another',
  AADSTS50076: 'the tenant asks for a second factor; sign in again in a browser: az login',
  AADSTS50079: 'the tenant asks to set up a second factor; sign in again in a browser: az login',
  AADSTS53003: 'a Conditional Access policy of the tenant forbids this sign-in; ask its administrator',
  AADSTS50005: 'a policy of the tenant forbids this device or device code; sign in with: az login',
  AADSTS65002: 'the application is not allowed to ask for this; ask for the scope .default',
  AADSTS1002012: 'the scope must be the resource with /.default',
  AADSTS70011: 'the scope must be the resource with /.default',
}

/** Entra's error code at the start of, or in, a text that is not repeated otherwise. */
export function aadstsCode(text: string): string | undefined {
  return /AADSTS\d{4,10}/.exec(text)?.[0]
}

/** The hint for an error code: none, or one. */
export function aadstsAdvice(code: string | undefined): readonly string[] {
  const advice = code !== undefined && Object.hasOwn(ADVICE, code) ? ADVICE[code] : undefined
  return advice === undefined ? [] : [advice]
}
