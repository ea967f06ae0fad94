-- A neutralized database keeps no secret of the original and talks to nobody until an administrator says what it is.
DELETE FROM fieldpromax_credential;
UPDATE fieldpromax_authorization
   SET state = CASE WHEN state IN ('pending', 'exchanged') THEN 'failed' ELSE state END,
       code_verifier_encrypted = NULL,
       token_set_encrypted = NULL;
UPDATE fieldpromax_app
   SET client_secret_encrypted = NULL,
       client_secret_set_at = NULL,
       webhook_key_encrypted = NULL,
       webhook_key_set_at = NULL;
UPDATE fieldpromax_connection
   SET state = 'copy',
       state_reason = NULL
 WHERE state != 'disconnected';
