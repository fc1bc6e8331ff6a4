//! The cue words, each once: lower case, simplified Chinese, parted by a bar.

use super::cue::Cue;

pub(super) const WORDS: [(Cue, &str); 14] = [
    (Cue::Phone, PHONE),
    (Cue::Wechat, WECHAT),
    (
        Cue::Qq,
        "qq|qq号|qq号码|qq是|扣扣|扣扣号|扣|企鹅|企鹅号|小企鹅|🐧|秋秋|球球|抠抠|叩叩|蔻蔻|口口|丘丘|求求|扣q|q扣|q号|q:|腾讯qq|加q|+q|q q|kou kou",
    ),
    (
        Cue::Email,
        "邮箱|邮件|电邮|电子邮箱|电子邮件|邮箱地址|邮箱账号|email|e-mail|mail|email address|📧|✉|📨|📩|伊妹儿|油箱",
    ),
    (Cue::Telegram, "telegram|tg|tele|电报|电报号|纸飞机|飞机|飞机号|✈|t.me/|telegram.me/"),
    (Cue::Name, NAME),
    (Cue::Surname, "我姓|免贵姓|敝姓|本人姓|姓"),
    (Cue::Title, TITLE),
    (Cue::Address, ADDRESS),
    (Cue::Company, "公司名称|公司名|抬头|发票抬头|单位名称|公司全称|company name"),
    (Cue::Reference, REFERENCE),
    (Cue::Own, OWN),
    (Cue::Other, OTHER),
    (Cue::Other, RELATIVES),
];

const PHONE: &str = "电话|手机|手机号|手机号码|电话号码|联系电话|联系手机|联系方式|联系号码|号码|联系|联络|致电|来电|回电|打给|拨打|座机|\
固话|传真|本机|短信|回拨|通话|收件电话|☎|📞|📱|☏|📲|tel|telephone|phone|phone number|mobile|mobile number|cell|cell number|cellphone|\
call|text|reach|contact number|number|whatsapp|whats app|signal|viber|ring|fax|desk|hp|打电话|手机微信同号|电微同号";

/// Homophones and nicknames: the platforms filter the plain word, so people write around it.
/// What is built from a first and a second half (薇❤, wei信) stands in [`super::cue`].
const WECHAT: &str = "微信|微信号|微信号码|微信id|微信账号|微|薇|威|wechat|wechat id|we chat|we-chat|weixin|wei xin|weixinhao|vx|wx|v|w|\
vx号|wx号|v号|微号|薇号|威号|绿泡泡|绿泡|绿色软件|绿色泡泡|小绿泡|小绿|绿标|小绿标|绿聊|卫星|卫星号|🛰|加卫|加维|企微|企业微信|喂信|为信|微聊|vv|微x|v❤";

const NAME: &str = "我叫|叫我|我的名字叫|我的名字是|我名字叫|我名叫|名字是|名字叫|名字|姓名|姓名是|本人|我是|我就是|联系人|联系人是|收件人|\
收货人|收件人姓名|收货人姓名|联系人姓名|客户姓名|接收人|签收人|称呼|称呼我|称呼是|记一下|登记一下|署名|预约人|报名人|购买人|\
my name is|my name's|my name|i'm|i am|this is|attention|attn|name|name is|full name|contact|contact person|contact name|recipient|\
best regards|kind regards|regards|sincerely|my full name is|name's";

const TITLE: &str = "先生|女士|小姐|太太|经理|总监|总经理|老师|医生|主任|老板|老板娘|阿姨|师傅|同学|律师|教授|院长|店长|厂长|主管|董事长|校长|\
会计|男士|夫人|总|哥|姐";

const ADDRESS: &str = "地址|收货地址|收件地址|邮寄地址|住址|寄到|寄往|送到|发到|寄给|送货到|住在|家住|搬到|address|ship it to|ship to|\
deliver to|deliver it to|send it to|located at|i live at|living at|moved to";

const REFERENCE: &str = "订单|订单号|订单编号|单号|运单|运单号|快递|快递号|快递单号|物流单号|物流号|编号|商品号|商品编号|商品id|商家id|店铺id|货号|税号|\
身份证|身份证号|身份证号码|证件号|证件号码|护照|护照号|护照号码|卡号|银行卡|银行卡号|信用卡|账号|账户|会员号|会员卡|会员卡号|验证码|校验码|激活码|兑换码|\
型号|序列号|服务单|服务单号|发票号|发票号码|流水号|交易号|交易单号|支付单号|保单号|批号|条码|条形码|合同号|合同编号|工单|工单号|取件码|退款单|退款单号|\
退货单号|信用代码|商户号|车牌|金额|价格|预算|版本|密码|游戏id|用户id|imei|order|order number|order no|order id|tracking|\
tracking number|tracking no|tracking code|invoice|invoice number|invoice no|error|error code|code|sku|serial|serial number|ref|\
reference|reference number|ticket|ticket number|case number|case|version|ssn|social security number|iban|cc|card|card number|\
credit card|credit card number|passport|passport number|account|account number|id number|item number|model|model number|\
part number|zip|zip code|zipcode|postcode|policy number|parcel|shipment|confirmation number|transaction|transaction id|isbn|\
price|total|amount|uid|user id|id|号单|member id|tax id|ean|upc|po number|batch|license number|licence number|driver's license number|driver's license|driver's licence number";

const OWN: &str = "我的|加我|加下我|打我|联系我|联络我|找我|回我|发我|给我|本人的|俺的|\
我自己的|我自己|我这边|my|mine|call me|reach me|text me|contact me|ring me|add me|message me|me at|me on|换成我";

const OTHER: &str = "同事|朋友|邻居|别人|他人|人家|对方|客户的|他的|她的|他们|她们|他电话|她电话|他手机|她手机|你的|您的|你们|你们的|贵公司|你家|贵司|客服|客服电话|\
客服热线|商家|卖家|店家|快递员|快递小哥|师傅的|司机|前台|房东|中介|领导|秘书|助理|热线|官方|官网|总部|骗子|诈骗|骚扰|陌生|陌生人|物业|保安|\
代理商|推销|你公司|公司总机|your|yours|his|her|their|colleague|coworker|co-worker|friend|boss|assistant|hotline|customer service|helpline|\
scammer|spam|driver|courier|support line|landlord|neighbor|neighbour|someone else's|emergency number";

/// The household: another's too, unless left on purpose (see [`super::left`]).
pub(super) const RELATIVES: &str = "老婆|老公|妻子|丈夫|爱人|妈妈|爸爸|我妈|我爸|老妈|老爸|母亲|父亲|儿子|女儿|哥哥|姐姐|弟弟|妹妹|我哥|我姐|我弟|我妹|家人|亲戚|室友|舍友|媳妇|\
媳妇儿|对象|男朋友|女朋友|我先生|我太太|老伴|闺女|家里人|奶奶|爷爷|外婆|外公|姥姥|姥爷|婆婆|岳母|岳父|丈母娘|嫂子|姐夫|wife|husband|mother|\
father|mom|dad|brother|sister|mum|son|daughter|girlfriend|boyfriend|roommate|flatmate";
