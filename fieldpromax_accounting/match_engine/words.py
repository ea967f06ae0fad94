"""What people write differently and mean the same: legal forms, titles, spellings, short forms of first names.

Everything is given as :func:`.normalise.plain_words` leaves it: small letters without accents and dots.
"""

# Legal forms, by the short way to write them. Forms of different countries that are written alike share a code: what
# counts is whether two names carry the same one.
_LEGAL_FORMS = {
    'ltd': 'ltd, limited',
    'co ltd': 'co ltd, company limited, co limited, company ltd',
    'plc': 'plc, public limited company',
    'llp': 'llp, limited liability partnership',
    'llc': 'llc, limited liability company',
    'lp': 'lp, limited partnership',
    'inc': 'inc, incorporated',
    'corp': 'corp, corporation',
    'co': 'co, company, and co, and company',
    'pc': 'pc, professional corporation',
    'pllc': 'pllc',
    'cic': 'cic, community interest company',
    'trust': 'trust',
    'pty ltd': 'pty ltd, pty limited, proprietary limited, proprietary ltd, pty',
    'pte ltd': 'pte ltd, pte limited, private limited company',
    'pvt ltd': 'pvt ltd, private limited, private ltd, pvt limited, p ltd',
    'sdn bhd': 'sdn bhd, sendirian berhad',
    'bhd': 'bhd, berhad',
    'gmbh': 'gmbh, gesellschaft mit beschrankter haftung, ges mbh, gesmbh, g mbh',
    'ggmbh': 'ggmbh',
    'gmbh co kg': 'gmbh and co kg, gmbh co kg, gmbh and cokg, gmbh and compagnie kg',
    'gmbh co ohg': 'gmbh and co ohg, gmbh co ohg',
    'ug co kg': 'ug and co kg, ug haftungsbeschrankt and co kg',
    'ug': 'ug, ug haftungsbeschrankt, unternehmergesellschaft, unternehmergesellschaft haftungsbeschrankt',
    'ag': 'ag, aktiengesellschaft',
    'ag co kg': 'ag and co kg, ag co kg',
    'kg': 'kg, kommanditgesellschaft, and co kg, co kg',
    'kgaa': 'kgaa, ag and co kgaa, gmbh and co kgaa',
    'ohg': 'ohg, offene handelsgesellschaft, and co ohg',
    'gbr': 'gbr, gesellschaft burgerlichen rechts',
    'ek': 'ek, eingetragener kaufmann, eingetragene kauffrau, e k, ekfm, ekfr',
    'ev': 'ev, eingetragener verein, e v',
    'eg': 'eg, eingetragene genossenschaft',
    'partg': 'partg, partgmbb, partg mbb, partnerschaftsgesellschaft',
    'sa': 'sa, societe anonyme, sociedad anonima, sociedade anonima, s a',
    'sarl': 'sarl, sa rl, s a rl, societe a responsabilite limitee',
    'sas': 'sas, societe par actions simplifiee',
    'sasu': 'sasu',
    'eurl': 'eurl',
    'sci': 'sci, societe civile immobiliere',
    'snc': 'snc',
    'sl': 'sl, sociedad limitada, sociedad de responsabilidad limitada',
    'slu': 'slu, sociedad limitada unipersonal',
    'sa de cv': 'sa de cv',
    's de rl': 's de rl, s de rl de cv',
    'ltda': 'ltda, limitada',
    'eireli': 'eireli',
    'lda': 'lda',
    'spa': 'spa, societa per azioni',
    'srl': 'srl, societa a responsabilita limitata',
    'srls': 'srls',
    'sas di': 'sas di',
    'bv': 'bv, besloten vennootschap',
    'nv': 'nv, naamloze vennootschap',
    'vof': 'vof, vennootschap onder firma',
    'bvba': 'bvba, sprl',
    'ab': 'ab, aktiebolag',
    'hb': 'hb, handelsbolag',
    'as': 'as, a s, aksjeselskap, aktieselskab, anonim sirketi',
    'asa': 'asa',
    'aps': 'aps, ap s, anpartsselskab',
    'is': 'i s, interessentskab',
    'oy': 'oy, osakeyhtio',
    'oyj': 'oyj',
    'tmi': 'tmi, toiminimi',
    'ou': 'ou, osauhing',
    'uab': 'uab',
    'sia': 'sia',
    'sp zoo': 'sp z oo, sp zoo, spolka z oo, spolka z ograniczona odpowiedzialnoscia, sp z o o, sp z o odp',
    'sp k': 'sp k, spk, spolka komandytowa, sp komandytowa',
    'sp j': 'sp j, spj, spolka jawna',
    'sro': 'sro, s r o, spol s r o, spol sro, spolecnost s rucenim omezenym, spolocnost s rucenim obmedzenym',
    'kft': 'kft, korlatolt felelossegu tarsasag',
    'zrt': 'zrt',
    'nyrt': 'nyrt',
    'doo': 'doo, d o o, drustvo s ogranicenom odgovornoscu',
    'ood': 'ood, оод',
    'eood': 'eood, еоод',
    'ooo': 'ooo, ооо, общество с ограниченнои ответственностью',
    'oao': 'оао, oao, пао, ао, зао',
    'ip ru': 'ип',
    'tov': 'тов',
    'kk': '株式会社, 株, kk, kabushiki kaisha',
    'yk': '有限会社, 有',
    'gk': '合同会社, 合',
    'cn ltd': '有限公司, 有限责任公司, 股份有限公司',
    'as tr': 'ltd sti, limited sirketi',
    'gmbh ch': 'gmbh sarl, sagl',
}
# Word sequence → code.
LEGAL_FORMS = {
    tuple(way.split()): code
    for code, ways in _LEGAL_FORMS.items()
    for way in (one.strip() for one in ways.split(','))
}
LONGEST_FORM = max(map(len, LEGAL_FORMS))
# The words that a legal form may end in: a short way to see that a name has none.
FORM_ENDINGS = frozenset(way[-1] for way in LEGAL_FORMS)
# Those that are written in front of the name.
LEADING_FORMS = {
    way: LEGAL_FORMS[way,]
    for way in (
        'ооо',
        'оао',
        'пао',
        'ао',
        'зао',
        'ип',
        'тов',
        '株式会社',
        '株',
        '有限会社',
        '有',
        '合同会社',
        '合',
    )
}
# Those that are written without a space.
JOINED_FORMS = tuple(
    (way, LEGAL_FORMS[way,])
    for way in ('股份有限公司', '有限责任公司', '有限公司', '株式会社', '有限会社', '合同会社')
)

# Words between two others that mean "and". Single letters (y, e, i) may as well be the whole difference.
CONNECTORS = frozenset('and & + und et en og och'.split())
# Words that names are written with and without.
MINOR_WORDS = frozenset(
    """
    an the of for by at in on to la le les el los las lo il gli der die das den dem des de del della di do
    da dos das du von van vom zu zum zur ter ten het een y
""".split()
)

FEMALE_TITLES = frozenset('mrs ms miss madam mme mlle frau fru sra senora signora'.split())
MALE_TITLES = frozenset('mr mister monsieur herr hr sr senor signor'.split())
TITLES = FEMALE_TITLES | MALE_TITLES | frozenset('dr prof professor rev sir dame dipl ing mag mx'.split())
# "Sr" behind a name is the father, in front of it the Spanish gentleman; the position tells.

# Notes about the record that people write into its name.
NOTES = {
    ('deleted',): 'deleted',
    ('inactive',): 'inactive',
    ('archived',): 'archived',
    ('obsolete',): 'obsolete',
    ('duplicate',): 'duplicate',
    ('duplicated',): 'duplicate',
    ('do', 'not', 'use'): 'do not use',
    ('dont', 'use'): 'do not use',
    ('copy', 'of'): 'copy',
}
NOTE_WORDS = frozenset(note[0] for note in NOTES) | {'old'}

CURRENCIES = frozenset(
    """
    aed ars aud bgn brl cad chf clp cny cop czk dkk egp eur gbp hkd huf idr ils inr isk jpy kes krw mxn myr
    ngn nok nzd pen php pkr pln ron rsd rub sar sek sgd thb twd uah usd vnd zar
""".split()
)

ROMAN = frozenset('i ii iii iv v vi vii viii ix x xi xii'.split())

_SPELLINGS = """
    aluminum aluminium, analyze analyse, brothers bros, catalog catalogue, center centre centr, check
    cheque, color colour, colored coloured, department dept, doctor dr, fiber fibre, flavor flavour, fort
    ft, gray grey, harbor harbour, international intl int, jewelry jewellery, jr junior jnr, labor labour,
    license licence, liter litre, mac mc, management mgmt mgt, manufacturing mfg, meter metre, mold mould,
    mount mt, neighbor neighbour, plow plough, program programme, saint st ste, sr senior snr, sulfur
    sulphur, tire tyre, theater theatre, traveler traveller, association assn assoc, avenue ave, street str,
    road rd, building bldg, number no nr, government govt, university univ, hospital hosp, technology tech,
    engineering eng, service svc serv, services svcs, year yr, years yrs, hour hr, hours hrs, week wk, month
    mth, pieces pcs, piece pc, organize organise, organization organisation, company co, corporation corp,
    limited ltd, north n, laboratory lab, maintenance maint
"""
# Another way to write a word → the way it is compared by.
SPELLINGS = {
    other: first
    for group in _SPELLINGS.split(',')
    for first, *others in (group.split(),)
    for other in others
    if len(other) > 1
}

# First names, their short forms and spellings; a name may stand in several lines.
_SHORT_FORMS = """
    abigail abby abbie gail; albert al bert; alexander alex sandy xander sasha; alexandra alex sandra sandy
    sasha; alfred alf fred; andrew andy drew; angela angie; anthony tony; antonio tony; arthur art; barbara
    barb babs; benjamin ben benny; bernard bernie; beverley bev; bradley brad; bridget biddy; caroline
    carrie caro; catherine cathy kate katie kitty cate; katherine kate katie kathy kit kitty; kathleen kate
    kathy katie; charles charlie chuck chas; charlotte lottie charlie; christine chris chrissie tina;
    christina chris tina; christopher chris kit topher; clifford cliff; cynthia cindy; daniel dan danny;
    david dave davey; deborah deb debbie; dennis denny; dominic dom nick; donald don donnie; dorothy dot
    dottie; douglas doug; edward ed eddie ted ned; eleanor ellie nell nora; elizabeth liz lizzie beth betty
    eliza libby bess elsie; emily em millie; eugene gene; florence flo florrie; frances fran frankie;
    francis frank; franklin frank; frederick fred freddie; gabriel gabe; geoffrey geoff; george georgie;
    gerald gerry jerry; gerard gerry; gillian gill jill; gregory greg; gwendolyn gwen; harold harry hal;
    helen nell; henry harry hank hal; herbert bert herb; hubert bert; isabella bella izzy; isabel izzy;
    jacob jake; jacqueline jackie; james jim jimmy jamie; janet jan; jeffrey jeff; jennifer jen jenny;
    jeremy jerry; jessica jess jessie; joanna jo; joanne jo; john jack johnny jon; jonathan jon jonny;
    joseph joe joey; josephine jo josie; joshua josh; judith judy; julia julie; kenneth ken kenny; kimberly
    kim; lawrence larry laurie; leonard len leo lenny; leslie les; lillian lily; louis lou; louise lou;
    lucille lucy; margaret maggie meg peggy marge daisy greta rita; martin marty; mary molly polly; matthew
    matt; maximilian max; maxwell max; michael mike mick mickey; michelle shelly; nancy nan; nathan nat
    nate; nathaniel nat nate; nicholas nick nicky; nicola nicky; nigel nige; oliver ollie; olivia liv;
    pamela pam; patricia pat patty tricia trish; patrick pat paddy; peter pete; philip phil; philippa pippa;
    phillip phil; rachel rae; raymond ray; rebecca becky becca; richard rick dick rich ricky; robert bob rob
    bobby robbie bert; roger rog; roland rollo; ronald ron ronnie; rosemary rosie rose; rudolph rudy;
    russell russ; samantha sam; samuel sam; sandra sandy; sarah sally sadie; sebastian seb; sidney sid;
    simon si; stanley stan; stephanie steph; stephen steve; steven steve; stewart stu; stuart stu; susan sue
    susie; suzanne sue suzy; sylvia syl; terence terry; teresa terry tess; theresa terry tess; theodore ted
    theo teddy; thomas tom tommy; timothy tim; tobias toby; valerie val; veronica ronnie; victor vic;
    victoria vicky tori; vincent vince vinnie; virginia ginny; vivian viv; walter walt wally; wilfred wilf;
    wilhelm willi; william bill will billy willie liam; zachary zach zack; johannes hans jan; friedrich
    fritz; guillermo memo; stephen steven stefan; mohammed mohamed muhammad mohammad mohamad; sean shaun
    shawn; philip phillip filip; katherine catherine kathryn katharine cathryn; geoffrey jeffrey; john jon;
    sara sarah; marc mark; eric erik; karl carl; ann anne; allan alan allen; lewis louis; claire clare;
    isobel isabel; rebecca rebekah; graham graeme; hassan hasan; hussein husain hussain; yusuf yousef
    yousuf; ibrahim ebrahim; aleksander alexander; francisco paco pancho; jose pepe; aleksandr sasha;
    giuseppe beppe peppe; giovanni gianni; ivan vanya; mikhail misha
"""


def _short_forms():
    groups = {}
    for number, group in enumerate(_SHORT_FORMS.split(';')):
        for name in group.split():
            groups.setdefault(name, set()).add(number)
    return {name: frozenset(numbers) for name, numbers in groups.items()}


# First name → numbers of the lines that it stands in: two names that share one may be one person's.
SHORT_FORMS = _short_forms()
SHORT_FORM_LINES = tuple(tuple(group.split()) for group in _SHORT_FORMS.split(';'))

# What many names have in common: sharing only these is no likeness.
GENERIC_WORDS = frozenset(
    """
    service services group holding holdings solution solutions consulting consultants management
    international global national systems system technology company enterprises enterprise industries
    industry industrial trading trade partners partner associates brothers sons construction constructions
    building builders builder contractors contractor contracting plumbing plumber plumbers heating cooling
    electrical electric electrics electricians hvac air conditioning cleaning cleaners clean roofing roofers
    painting painters landscaping landscapes landscape garden gardens gardening lawn care pest control
    security property properties estate estates realty homes home house restaurant cafe bar hotel motel
    school primary college church club center shop store stores market supply supplies products foods food
    bakery auto automotive motors motor garage repair repairs maintenance installations installation design
    designs designer studio studios media marketing digital engineering transport transportation logistics
    freight haulage moving removals storage rental rentals hire medical dental clinic pharmacy hospital
    health healthcare vets veterinary law legal accounting finance financial insurance capital investments
    farm farms dairy energy solar power water gas fitness gym salon nails hair beauty spa pizza kitchen
    kitchens bathrooms windows doors flooring tiling carpentry joinery handyman the and of for city town
    county street road avenue unit lot building tower customer cash sale sales firma gesellschaft bau
    elektro technik haustechnik dienst dienste dienstleistungen service handel gmbh immobilien societe
    entreprise maison services travaux batiment servicios construcciones comercial servizi impresa
""".split()
)

# Local parts and domains of addresses that say "there is none".
NO_MAILBOX = frozenset(
    """
    none noemail nomail no-email no.email no_email noreply no-reply donotreply do-not-reply nobody null
    unknown na n.a notprovided noaddress xxx xxxx
""".split()
)
NO_DOMAIN = frozenset('none.com noemail.com nomail.com no.com na.com none.none email.none'.split())
# Mail services whose domain says nothing about who writes.
SHARED_DOMAINS = frozenset(
    """
    gmail.com googlemail.com outlook.com hotmail.com live.com msn.com yahoo.com yahoo.co.uk ymail.com
    icloud.com me.com mac.com aol.com gmx.de gmx.net gmx.at gmx.ch web.de t-online.de freenet.de orange.fr
    free.fr wanadoo.fr laposte.net sfr.fr libero.it virgilio.it mail.ru yandex.ru bigpond.com
    optusnet.com.au btinternet.com sky.com comcast.net verizon.net att.net proton.me protonmail.com qq.com
    163.com
""".split()
)
DOTLESS_DOMAINS = {'gmail.com': 'gmail.com', 'googlemail.com': 'gmail.com'}

# Labels that people write in front of or behind a tax number.
TAX_LABELS = frozenset(
    'abn acn vat tva ust ustid ustidnr uid ein tin nip nif cif siret siren mwst iva btw moms no nr id'.split()
)
