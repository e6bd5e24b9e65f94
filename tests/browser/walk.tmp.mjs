import { startChromium, faults, WIDTHS } from './browser.js';
const base='http://127.0.0.1:18081', PW='tavolo nuvola girasole binario 7';
const b = await startChromium();
let log=[];
async function who(){ const c = await b.newContext({baseURL:base, viewport:{width:1440,height:900}}); const p = await c.newPage(); p.on('console',m=>log.push('console '+p.url()+' '+m.text())); p.setDefaultTimeout(8000); return p; }
async function look(p,name){ for (const w of WIDTHS){ await p.setViewportSize({width:w,height:900}); const f=await faults(p); if(f.length) log.push('FAULT '+name+' '+w+' '+JSON.stringify(f)); await p.screenshot({path:`/tmp/rc/shots/${name}-${w}.png`,fullPage:true}); } await p.setViewportSize({width:1440,height:900}); }
let pp, rr;
try {
 const o = await who(); await o.goto('/accesso'); await o.fill('#campo-ente','pordenone'); await o.fill('#campo-username','marco'); await o.fill('#campo-password',PW); await o.click('button:has-text("Entra")');
 await look(o,'desk2'); await o.goto('/persone'); await o.fill('#campo-query','bianchi'); await o.click('button:has-text("Cerca")'); await look(o,'persone'); await o.click('table a'); pp=o.url().split('?')[0];
 for (const [btn,offset] of [['Comincia ASSO',0],['Comincia ISA',1],['Comincia ISA',4]]) {
  await o.click('button:has-text("'+btn+'")'); let first=true;
  while(!o.url().endsWith('/riepilogo')){
   if(first){ await o.fill('#campo-assessed_on', offset==1?'1/3/2026':'20/11/2026'); }
   await o.evaluate((k)=>{for(const s of document.querySelectorAll('fieldset.nc-item')){const r=[...s.querySelectorAll(':scope > .form-check input')]; r[Math.min(k,r.length-1)].checked=true;}}, offset);
   if(first){ await look(o,'draft-'+offset); first=false; }
   await o.click('.nc-actions button:has-text("Salva e continua")');
  }
  await look(o,'summary-'+offset); await o.click('label[for=valutazione-confirmed]'); if(await o.$('input[name=azione]')) await o.click('label[for^=azione-]'); await o.click('button:text-is("Valida")'); await look(o,'report-'+offset);
  rr=o.url().split('?')[0]; await o.goto(pp);
 }
 await look(o,'visura'); await o.goto('/questionari'); await look(o,'questionari'); await o.goto(rr+'/correggi'); await look(o,'amend'); await o.goto(rr+'/annulla'); await look(o,'annul');
 await o.goto(rr); await o.emulateMedia({media:'print'}); await o.screenshot({path:'/tmp/rc/shots/print.png',fullPage:true}); await o.emulateMedia({media:'screen'});
 await o.goto('/enti'); await look(o,'forbidden');
 await o.click('button:has-text("Esci")'); await look(o,'left');
} catch(e){ log.push('ERROR '+e.message.slice(0,600)); for (const c of b.contexts()) for (const p of c.pages()) log.push('at '+p.url()); }
console.log([...new Set(log)].join('\n')); await b.close();
