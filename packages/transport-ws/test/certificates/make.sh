#!/bin/sh
# Makes the certificate and the key of the tests again: self-signed, for 127.0.0.1, ::1 and localhost, valid for 100 years. No secret: both are public.
cd "$(dirname "$0")" || exit 1
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 36500 \
  -subj '/CN=peerplex test' -addext 'subjectAltName=IP:127.0.0.1,IP:::1,DNS:localhost' \
  -keyout key.pem -out cert.pem
