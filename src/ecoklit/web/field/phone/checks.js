/** What looks wrong in a record while it is typed. Warnings: a wrong number is kept, and mended by the civil registry. */

const NIK_DIGITS = 16;

/** The codes of `texts.js` for what looks wrong. @param {Record<string, string | null | undefined>} record @param {readonly string[]} niks of others on this list @returns {string[]} */
export function checksOf(record, niks = []) {
  const found = [];
  const nik = record.nik ?? "";
  if (nik !== "" && !/^\d{16}$/.test(nik)) found.push("check_nik_digits");
  else if (nik !== "" && !fitsBirth(nik, record.birth_date ?? "", record.sex ?? "")) found.push("check_nik_birth");
  if (nik !== "" && niks.includes(nik)) found.push("check_nik_double");
  if ((record.nkk ?? "") !== "" && !/^\d{16}$/.test(record.nkk ?? "")) found.push("check_nkk_digits");
  return found;
}

/** Whether digits 7 to 12 are the birth date as a NIK writes it: DDMMYY, 40 more for a woman's day. @param {string} nik @param {string} birthDate @param {string} sex */
export function fitsBirth(nik, birthDate, sex) {
  if (nik.length !== NIK_DIGITS || !/^\d{4}-\d{2}-\d{2}$/.test(birthDate) || sex === "") return true;
  const [year, month, day] = birthDate.split("-");
  const written = String(Number(day) + (sex === "P" ? 40 : 0)).padStart(2, "0");
  return nik.slice(6, 12) === `${written}${month}${year.slice(2)}`;
}

/** Whole years on a day; null where the birth date is none. @param {string} birthDate @param {string} day both YYYY-MM-DD */
export function ageOn(birthDate, day) {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(birthDate)) return null;
  return Number(day.slice(0, 4)) - Number(birthDate.slice(0, 4)) - (day.slice(5) < birthDate.slice(5) ? 1 : 0);
}
