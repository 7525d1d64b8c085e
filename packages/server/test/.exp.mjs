import Fastify from 'fastify'; import http from 'node:http';
const mode=process.argv[2];
function read(req,cb){let p;req.on('data',d=>{p=p?Buffer.concat([p,d]):d});req.on('end',()=>cb(p))}
function reply(res,v){const b=JSON.stringify({result:'stored',device_id:v.device_id});res.writeHead(201,{'content-type':'application/json; charset=utf-8','content-length':b.length});res.end(b)}
const opts={logger:false,genReqId:()=> 'x'};
if(mode==='bypass'){opts.serverFactory=(h,o)=>http.createServer(o,(req,res)=>{if(req.method==='POST'&&req.url==='/api/sync-event'){read(req,b=>{const v=JSON.parse(b.toString());Promise.resolve().then(()=>reply(res,v))})}else h(req,res)})}
const app=Fastify(opts);
app.removeAllContentTypeParsers(); app.addContentTypeParser('*',(r,p,d)=>d(null,p));
app.post('/api/sync-event',(request,rep)=>{read(request.raw,b=>{const v=JSON.parse(b.toString());
 if(mode==='hijack'){Promise.resolve().then(()=>{rep.hijack();reply(rep.raw,v)})}
 else Promise.resolve().then(()=>{const b=JSON.stringify({result:'stored',device_id:v.device_id});rep.statusCode=201;rep.header('content-type','application/json; charset=utf-8');rep.send(b)})})});
if(mode==='onrequest'){ }
await app.listen({port:Number(process.argv[3]),host:'127.0.0.1'});
