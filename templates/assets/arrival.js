// Sends on what the gateway sent with the browser, so that nobody has to press a button.
document.getElementById('nc-arrival').requestSubmit();
