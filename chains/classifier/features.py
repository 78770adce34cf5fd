"""What can be seen in a question without having learned anything: numbers, formulas, code, turns of phrase.

Examples never name every word that people use. These patterns carry over to the words that they do not name.

Every repetition that something may follow has a bound, and is possessive (`{0,9}+`) where nothing of it is ever given
back: a pattern then takes time in proportion to the text, whatever the text is (`tests/test_linear_time.py`).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice

_WRITE = (
    r"(?:i (?:want|need)|i'd like|write|create|make|build|implement|generate|code|give me|show me|develop|draft|"
    r"set ?up|"
    r"(?:tolong )?(?:mau|butuh|minta|buat|bikin|tulis)(?:kan|in|lah)?|escrib\w+|crea|haz|schreib\w*|erstell\w*|"
    r"écri\w+|créer?|crie|scriv\w+|schrijf)"
)
_PROGRAM = (
    r"(?:programs?|programme|programa|programm|functions?|función|funktion|fonction|função|fungsi|funzione|"
    r"scripts?|skrip|skript|"
    r"quer(?:y|ies)|abfrage|requête|consulta|code|kode|koding|coding|snippet|class|kelas|method|macros?|makro|"
    r"formula excel|"
    r"regex|regexp|regular expression|websites?|web ?page|webseite|halaman web|página|bot|api|endpoint|server|client|"
    r"module|package|library|component|dockerfile|makefile|parser|algorithm|algoritma|pseudocode|one-?liner|"
    r"unit tests?|tests? for|"
    r"app|aplikasi|linked list|hash ?map|stack|queue|navbar|crawler|scraper|plugin|migration|schema|trigger|"
    r"cron ?job)"
)
_AMBIGUOUS = (
    r"(?:python|java|ruby|rust|swift|go|shell|pascal|julia|basic|scratch|dart|scala|perl|r|c|lua|assembly|elixir|"
    r"haskell)"
)
_LANGUAGES = (
    r"(?:java ?script|javscript|typescript|ecmascript|c\+\+|cpp|c#|csharp|golang|php|kotlin|objective-?c|matlab|"
    r"fortran|cobol|erlang|clojure|lisp|prolog|groovy|powershell|pyhton|phyton|python[23]|py|js|ts|vba|vb\.?net|"
    r"sql|mysql|mssql|sqlite|"
    r"postgres(?:ql)?|mariadb|mongo(?:db)?|redis|html5?|css3?|s[ac]ss|xml|ya?ml|json|toml|csv|latex|markdown|bash|"
    r"zsh|"
    r"awk|sed|grep|vim|emacs|r studio|haskell|graphql|webassembly|wasm|solidity|x86|fastapi|flask|django|laravel|"
    r"symfony|codeigniter|"
    r"spring ?boot|hibernate|rails|express\.?js|express (?:app|server|api)|node(?:\.?js)?|deno|react(?:\.?js)?|"
    r"vue(?:\.?js)?|angular|svelte|next\.?js|nuxt|jquery|"
    r"bootstrap|tailwind|flutter|xcode|android studio|unity|unreal|godot|pygame|numpy|scipy|pandas|matplotlib|"
    r"seaborn|sklearn|scikit-learn|"
    r"pytorch|tensorflow|keras|jupyter|streamlit|langchain|selenium|beautifulsoup|scrapy|pytest|jest|junit|"
    r"cypress|playwright|"
    r"git|github|gitlab|bitbucket|svn|docker(?:file)?|podman|kubernetes|k8s|kubectl|helm|terraform|ansible|"
    r"jenkins|nginx|apache|tomcat|"
    r"aws|azure|gcp|s3|ec2|lambda|linux|ubuntu|debian|unix|wsl|ssh|scp|rsync|cron(?:tab)?|systemd|npm|npx|yarn|"
    r"pnpm|pip|conda|venv|"
    r"maven|gradle|cargo|cmake|makefile|gcc|clang|webpack|vite|eslint|vs ?code|vscode|intellij|pycharm|"
    r"eclipse ide|postman|"
    r"kafka|rabbitmq|elasticsearch|firebase|supabase|prisma|sqlalchemy|arduino|esp32|raspberry pi|excel|"
    r"google sheets?|"
    r"spreadsheet|vlookup|xlookup|hlookup|sumifs?|countifs?|pivot ?table|power ?query|libreoffice calc|colab)"
)
_CODE_WORDS = (
    r"(?:code|codes|kode|koding|coding|código|codice|quellcode|program(?:ming|mer(?:en|ing)|mierung|mation|mação|"
    r"mación)|pemrograman|"
    r"script(?:s|ing)?|skrip|skript|software|debug(?:ging|ger)?|compil(?:e[rd]?|ing|ation|ador|ateur)|kompil\w+|"
    r"runtime|syntax|sintaks|sintaxis|sintaxe|syntaxe|"
    r"variab(?:le|el)s?|variables?|booleans?|integers? (?:type|overflow)|strings?|arrays?|larik|arreglo|tuples?|"
    r"dicts?|dictionar(?:y|ies)|hash ?(?:map|table|set)s?|"
    r"linked ?lists?|queues?|binary (?:tree|search)|data ?structures?|struktur data|data ?types?|tipe data|"
    r"pointers?|loops?|looping|perulangan|bucle|schleife|boucle|"
    r"for-?loop|while|if-?else|switch case|recurs(?:ion|ive|ividad|ão)|rekurs\w+|récursi\w+|closures?|callbacks?|"
    r"promises?|async|await|threads?|multithread\w+|mutex(?:es)?|"
    r"deadlocks?|semaphores?|race condition|goroutines?|garbage collect(?:or|ion)|memory leaks?|heap|malloc|"
    r"segfaults?|segmentation|null ?pointer|undefined|nullable|"
    r"exceptions?|stack ?trace|traceback|stack overflow|error|eror|bugs?|breakpoints?|unit tests?|"
    r"integration tests?|mock(?:ing)?|ci/cd|pipeline|deploy(?:ment|ing|ed)?|"
    r"back-?end|front-?end|full-?stack|frameworks?|librar(?:y|ies)|packages?|modules?|import(?:s|ing)?|"
    r"dependenc(?:y|ies)|depend[ae]nc[iy]\w*|"
    r"apis?|rest(?:ful)?|endpoints?|http|https|urls?|webhooks?|websockets?|sockets?|oauth|jwt|cors|cookies|"
    r"middleware|localhost|servers?|vps|dns|tcp|udp|"
    r"databases?|database|basis data|datenbank|base de données|base de datos|tables?|quer(?:y|ies)|kueri|"
    r"primary key|foreign key|index(?:es|ing)?|joins?|sharding|normalisasi|normaliz\w+|orm|migrations?|schema|"
    r"commits?|branch(?:es)?|merge|rebase|repo(?:sitor(?:y|ies))?|pull request|stash|clone|containers?|kontainer|"
    r"image|pods?|microservices?|terminal|command line|cli|"
    r"regex|regexp|regular expressions?|pars(?:e|er|ing)|serializ\w+|encod(?:e|ing)|decod(?:e|ing)|utf-?8|unicode|"
    r"ascii|encrypt\w*|enkripsi|hash(?:ing)?|"
    r"class(?:es)?|objects?|obj[ek]ek|interfaces?|abstract|inheritance|pewarisan|polymorphism|encapsulation|"
    r"constructors?|destructor|singleton|generics?|decorators?|"
    r"dependency injection|design patterns?|oop|mvc|solid principles|algorithms?|algoritma|algorithmus|algorithme|"
    r"algoritmo|pseudocode|flowchart|big o|time complexity|"
    r"space complexity|kompleksitas|sorting|bubble sort|quick ?sort|merge ?sort|binary search|dijkstra|bfs|dfs|"
    r"dynamic programming|leetcode|fizz ?buzz|"
    r"div|span|flexbox|grid|navbar|button|tombol|dropdown|checkbox|textbox|onclick|dom|viewport|font-size|stylesheet|"
    r"console|printf?|println|stdin|stdout|stderr|argv|args|kwargs|def|elif|lambda|return|const|let|var|void|"
    r"boolean|static|null|none|nan|true|false|"
    r"dataframe|notebook|virtual ?env\w*|environment variables?|env|config(?:uration)?|konfigurasi|install(?:er|"
    r"ing|ieren)?|instal|"
    r"spreadsheets?|cells?|sel|worksheets?|sheets?|macros?|compiler|interpreter|ide|plugin|sdk|gpu|cpu|kernel|"
    r"cache|caching|load balancer|reverse proxy|firewall|"
    r"iterat(?:e|or|ion)s?|iterar|enum|struct|namespace|template engine|singleton|stdlib|bitwise|bit shift|endian|"
    r"hexdump|byte(?:s|code)?|"
    r"framework|fungsi|function|funktion|fonction|función|função|functions|method|methods|metode|parameter|"
    r"argument(?:s|en)?|input|output|login form|form|web|website|html)"
)
_STRONG_CODE = (
    r"(?:coding|koding|pemrograman|source code|kode program|debug(?:ging|ger)?|compiler|kompiler|syntax|sintaks|"
    r"runtime|boolean|tuples?|dictionar(?:y|ies) in|hash ?(?:map|table)s?|"
    r"linked ?lists?|binary search|data ?structures?|struktur data|data ?types?|tipe data|for-?loops?|"
    r"while-?loops?|perulangan|looping|infinite loop|if-?else|switch case|recursion|recursive|rekursi|rekursif|"
    r"callbacks?|async|await|multithread\w+|mutex(?:es)?|deadlocks?|goroutines?|garbage collect(?:or|ion)|"
    r"memory leaks?|malloc|segfaults?|null ?pointer|"
    r"stack ?trace|traceback|unit tests?|breakpoints?|ci/cd|deploy(?:ment|ing|ed)?|back-?end|front-?end|framework|"
    r"dependency injection|apis?|endpoints?|webhooks?|websockets?|oauth|jwt|cors|"
    r"localhost|databases?|basis data|datenbank|quer(?:y|ies)|primary key|foreign key|inner join|left join|"
    r"stored procedures?|orm|git|commits?|rebase|repositor(?:y|ies)|pull request|docker|"
    r"kubernetes|containers?|microservices?|command line|shell script|regex|regexp|regular expressions?|parser|"
    r"parsing|utf-?8|polymorphism|constructors?|"
    r"abstract class|oop|mvc|design patterns?|pseudocode|flowchart|big o|time complexity|kompleksitas waktu|"
    r"bubble sort|quick ?sort|merge ?sort|dijkstra|leetcode|fizz ?buzz|"
    r"div|flexbox|navbar|onclick|stylesheet|stdin|stdout|stderr|argv|kwargs|dataframe|virtual ?env\w*|"
    r"environment variables?|middleware|reverse proxy|load balancer|namespace|bitwise|array(?:s|en|nya)?|larik|"
    r"web ?scraping|server-side|programmiersprache|lenguaje de programación|bahasa pemrograman|programming|"
    r"programación|programmation|unit testing|my code|kode saya|this code|kode ini|mi código|mon code|mein code|"
    r"this function|this script|my script|my program|program saya|mein programm|linux|terminal|crud|login form|"
    r"form login|session|serializ\w+|decorators?|generics|closures?|iterators?|integer overflow|"
    r"mach?ine code|bytecode|json|xml|csv|yaml|css|html|sql|url|http|ssh|npm|pip|cron|cli|sdk|ide)"
)
_MATH_WORDS = (
    r"(?:math|maths|mathematics|matematika|mtk|matemáticas?|mathe|mathematik|mathématiques?|arithmetic|aritmatika|"
    r"algebra|aljabar|álgebra|geometry|geometri|geometría|"
    r"trigonometry|trigonometri|calculus|kalkulus|analysis|statistics?|statistik\w*|estadística|statistique|"
    r"probabilit\w+|probabilidad\w*|probabilité|wahrscheinlich\w+|peluang|kemungkinan|odds|chance|"
    r"calculat(?:e[ds]?|ing|ion|or)|calcualte|comput(?:e[ds]?|ing)|hitung(?:lah|kan|an)?|menghitung|ngitung|itung|"
    r"calcul[ae]\w*|berechn\w+|rechn\w+|evaluate|"
    r"solve[ds]?|sovle|selesaikan|resuelv\w+|résou\w+|lös\w+|resolv\w+|simplif\w+|sederhanakan|vereinfach\w+|"
    r"factori[sz]\w+|faktor\w*|factors?|expand|"
    r"equations?|persamaan|pertidaksamaan|ecuaci\w+|gleichung\w*|équations?|equaç\w+|vergelijking|inequalit\w+|"
    r"polynom\w+|polinom\w*|quadratic|kuadrat|cubic|linear|linier|simultaneous|"
    r"deriv(?:ative|ada|ée|ata|e|iviative|er|iere)\w*|deriviative|differentiat\w+|differential|turunan|"
    r"diferensial|ableit\w+|leite|integra\w+|intergral|antiderivative|integral\w*|limit|limits|limite|"
    r"converge[sn]?\w*|diverge\w*|"
    r"series|deret|barisan|sequence|suku|taylor|maclaurin|fourier|laplace|gradient|gradien|slope|tangent|asymptote|"
    r"sin|cos|tan|sine|cosine|sinus|cosinus|kosinus|arcsin|arccos|arctan|sec|csc|cot|log|ln|logarit\w+|exponents?|"
    r"exponential|eksponen\w*|power of|pangkat|potenz|squared|cubed|"
    r"square roots?|cube root|sqrt|akar|wurzel|raíz|racine|raiz|roots? of|prime|primes|prima|primo|primzahl\w*|"
    r"premiers?|divisib\w+|divisor|divid\w+|dibagi|bagi|remainder|sisa|modulo|mod|"
    r"gcd|lcm|hcf|fpb|kpk|greatest common|least common|multipl(?:y|ied|ication|ier)|times|kali|dikali|perkalian|"
    r"pembagian|penjumlahan|pengurangan|dikurangi|ditambah|plus|minus|subtract|add|product of|"
    r"sum|sums|suma|somme|summe|jumlah(?:kan)?|selisih|total|difference of|quotient|"
    r"percent(?:age|ile)?s?|persen(?:tase)?|prozent|pourcent\w*|porcent\w*|por ciento|procent|fractions?|pecahan|"
    r"bruch|decimals?|desimal|ratio|rasio|perbandingan|proportion\w*|"
    r"average|averages|mean|rata-?rata|rerata|median\w*|mediana|mod[eu]s?|variance|varians|standard deviation|"
    r"standar deviasi|simpangan baku|std dev|z-?score|p-?value|confidence interval|margin of error|"
    r"hypothesis test|uji hipotesis|regression|regresi|correlation|korelasi|distribution|distribusi|gaussian|"
    r"poisson|binomial|bayes\w*|expected value|nilai harapan|sample size|quartile|kuartil|"
    r"permutations?|permutasi|combinations?|kombinasi|factorial|faktorial|handshakes|choose|"
    r"area|luas|área|aire|fläche\w*|perimeter|keliling|circumference|umfang|périmètre|volume|volumen|surface|"
    r"radius|jari-jari|rayon|radio|diameter|diagonal\w*|hypotenuse|sisi miring|"
    r"triangles?|segitiga|triángulo|dreieck\w*|triangle|rectangles?|persegi|square|squares|circles?|lingkaran|"
    r"círculo|kreis\w*|cercle|sphere|bola|cylinder|tabung|cone|kerucut|cubes?|kubus|balok|prism|prisma|"
    r"trapezoid|trapesium|parallelogram|jajar genjang|rhombus|belah ketupat|hexagon|polygon|ellipse|parabola|"
    r"hyperbola|angles?|sudut|winkel|angle|degrees?|derajat|radians?|pythagor\w+|phytagoras|theorem\w*|teorema|"
    r"satz|théorème|lemma|corollary|"
    r"vertex|vertices|edges|midpoint|titik|coordinates?|koordinat|axis|sumbu|perpendicular|tegak lurus|parallel|"
    r"sejajar|"
    r"matri(?:x|ces)|matriks|matriz|determinan\w*|eigen\w+|vectors?|vektor|dot product|cross product|rank|"
    r"linearly|transpose|inverse|invers|identity|"
    r"proofs?|prove|proves|proven|buktikan|pembuktian|tunjukkan bahwa|demuestra|démontre\w*|beweise?n?|show that|"
    r"by induction|induksi|contradiction|irrational|irasional|rational|rasional|integers?|bilangan|natural number|"
    r"whole numbers?|even numbers?|odd numbers?|genap|ganjil|digits?|digit|angka satuan|real numbers?|"
    r"complex number|imaginary|imajiner|kompleks|conjugate|modulus|pi|infinit\w+|tak hingga|"
    r"sets?|subset|himpunan|union of|intersection|irisan|gabungan|venn|truth table|tabel kebenaran|domain|range|"
    r"codomain|bijective|injective|surjective|group theory|rings?|field|"
    r"interest|bunga|zins\w*|compound|majemuk|principal|loan|cicilan|kredit|mortgage payment|annuity|anuitas|"
    r"discount|diskon|potongan|rabatt|markup|tax|pajak|vat|ppn|profit|untung|rugi|laba|tip|bill|"
    r"present value|future value|break-?even|roi|net price|"
    r"convert|conversion|konversi|ubah|umrechnen|convertir|rounded?|bulatkan|pembulatan|significant figures|"
    r"scientific notation|roman numerals?|romawi|hexadecimal|heksadesimal|octal|biner|"
    r"speed|kecepatan|velocity|geschwindigkeit|vitesse|velocidad|acceleration|percepatan|distance|jarak|"
    r"kinetic energy|momentum|half-?life|density|massa jenis|resistance|hambatan|"
    r"formula|formulas|dice|a die|dadu|koin|coin|cards?|kartu|marbles?|kelereng|expected|nabung|menabung|tabungan|"
    r"savings?|rumus|fórmula|formel|formule|ages?|umur|older|twice|thrice|half of|double|dua kali|tiga kali|"
    r"respectively|consecutive|berurutan|remaining|each|masing-masing|altogether|in total)"
)
_STRONG_MATH = (
    r"(?:deriv(?:ative|ada|ée|ata)s?|deriviative|differentiate|turunan|ableitung|integrate|intergral|integral|"
    r"antiderivative|eigen\w+|determinan\w*|matriks|matrices|polynomial|"
    r"quadratic|kuadrat|logarit\w+|trigonomet\w+|buktikan|prove that|show that|demuestra|démontre\w*|beweise?|fpb|"
    r"kpk|gcd|lcm|hcf|hypotenuse|pythagor\w+|phytagoras|permutasi|permutations?|"
    r"kombinasi|median|standard deviation|simpangan baku|variance|himpunan|pertidaksamaan|persamaan|equation|"
    r"ecuación|gleichung|équation|theorem|teorema|bilangan prima|prime numbers?|"
    r"probability|peluang|wahrscheinlichkeit|probabilité|probabilidad|irrational|irasional|factori[sz]e|"
    r"square root|cube root|akar kuadrat|sin|cos|tan|sqrt|keliling|jari-jari|rata-rata|"
    r"fractions?|pecahan|lim|dy/dx|percent(?:age)?|persen|prozent|compound interest|bunga majemuk|conjecture|"
    r"calculus|kalkulus|modulo|binomial|bayes\w*|confidence interval|regression|"
    r"p-?value|normal distribution|circumference|geometric series|arithmetic series|deret|vektor|vectors?|"
    r"exponents?|decimals?|remainder|denominator|numerator|isosceles|equilateral)"
)
_UNIT = (
    r"(?:km|kilomet(?:er|re)s?|kilómetros|kilomètres|miles?|millas|mil|met(?:er|re)s?|metros|mètres|cm|"
    r"centimet(?:er|re)s?|mm|inch(?:es)?|inci|feet|foot|ft|yards?|"
    r"kg|kilograms?|kilogram|kilos?|grams?|gram|g|pounds?|lbs?|ounces?|oz|tonn?e?s?|ton|lit(?:er|re)s?|liter|"
    r"litros|ml|gallons?|galon|cups?|tablespoons?|tbsp|teaspoons?|tsp|pints?|"
    r"seconds?|detik|secondes|segundos|sekunden|minutes?|menit|minutos|minuten|hours?|jam|horas|heures?|stunden?|"
    r"days?|hari|weeks?|minggu|months?|bulan|years?|tahun|decades?|century|"
    r"celsius|celcius|fahrenheit|kelvin|hectares?|hektar|acres?|are|mph|kph|km/h|km/jam|m/s|knots?|bits?|bytes?|"
    r"kb|mb|gb|tb|joules?|calories|kalori|watts?|kwh|volts?|radians?|degrees?|derajat|"
    r"dollars?|dolar|euros?|rupiah|rp|yen|dozen|lusin|kodi|gross|°[cf]|[cf])"
)
_GENERAL_WORDS = (
    r"(?:poems?|poem[ae]|poetry|haiku|limerick|sonnet|puisi|pantun|gedicht|poème|lyrics|lirik|songs?|lagu|lied|"
    r"chanson|rap|story|stories|cerita|cerpen|dongeng|geschichte|histoire|cuento|novels?|novel|"
    r"essay|esai|article about|artikel|letters?|surat|carta|brief|lettre|e-?mail to|speech|pidato|toast|jokes?|"
    r"lelucon|witz|blague|chiste|humor|caption|slogan|cv|resume|cover letter|"
    r"translate|translation|terjemah\w*|traduc\w+|traduis|übersetze?|synonym|sinonim|antonim|grammar|tata bahasa|"
    r"pronounce|meaning of|arti|artinya|makna|bahasa inggrisnya|"
    r"capital|ibu ?kota|hauptstadt|capitale|president|presiden|prime minister|king|queen|raja|ratu|emperor|"
    r"countr(?:y|ies)|negara|continents?|benua|island|pulau|mountain|gunung|volcano(?:es)?|river|sungai|"
    r"ocean|laut|sea|lake|danau|cit(?:y|ies)|kota|village|desa|population|penduduk|einwohner|habitantes|habitants|"
    r"language has|bahasa daerah|flag|bendera|currency of|mata uang|religion|agama|god|tuhan|"
    r"war|perang|krieg|guerre|guerra|revolution|revolusi|empire|kerajaan|century|kingdom|independen\w+|merdeka|"
    r"dynasty|history|sejarah|histoire de|historia|invent(?:ed|or|ó|é)|erfunden|penemu|pencipta|discover(?:ed|y)?|"
    r"founder|pendiri|"
    r"born|lahir di|died|biography|biografi|famous|terkenal|author|penulis|wrote|movies?|films?|filme|actor|"
    r"actress|singer|band|music|musik|painting|painter|lukisan|book|books|buku cerita|museum|concert|tv|netflix|"
    r"football|soccer|sepak bola|basketball|tennis|world cup|piala dunia|olympics?|team|match|players?|pemain|"
    r"champion|"
    r"animals?|hewan|tier|dogs?|anjing|cats?|kucing|birds?|burung|fish|ikan|snakes?|ular|schlange|serpent|"
    r"serpiente|spider|elephants?|gajah|horses?|kuda|bees?|lebah|pet|venom\w*|poison\w*|berbisa|zoo|reptile|"
    r"plants?|tanaman|tumbuhan|flowers?|bunga mawar|garden|leaves|leaf|daun|forest|hutan|fruit|buah|vegetables?|"
    r"sayur|"
    r"food|makanan|eat|makan|drink|minum|minuman|recipe|resep|rezept|recette|receta|cook|memasak|masak|bake|kue|"
    r"cake|bread|roti|rice|nasi|coffee|kopi|tea|teh|sugar|sauce|soup|restaurant|restoran|dinner|breakfast|lunch|"
    r"health|sehat|kesehatan|symptoms?|gejala|disease|penyakit|doctor|dokter|medicine|obat|headache|fever|demam|"
    r"pain|sakit|sleep|tidur|diet|vitamins?|vaccine|pregnan\w+|hamil|skin|hair|rambut|blood|heart|jantung|bones?|"
    r"teeth|gigi|workout|yoga|stress|"
    r"travel|trip|liburan|wisata|holiday|vacation|hotel|penginapan|flight|visa|passport|paspor|tourist|itinerary|"
    r"beach|pantai|"
    r"friends?|teman|mother|ibu hamil|girlfriend|boyfriend|pacar|wedding|menikah|birthday|ulang tahun|gift|kado|"
    r"present for|boss|atasan|job|kerja|interview|wawancara|career|karier|salary negotiation|university|"
    r"universitas|beasiswa|"
    r"weather|cuaca|rain|hujan|climate|iklim|sky|langit|moon|planets?|planet|stars|galaxy|universe|alam semesta|"
    r"earthquake|gempa|"
    r"love|cinta|happiness|bahagia|sad|sedih|bored|bosan|feelings?|dream|mimpi|philosophy|filsafat|democracy|"
    r"demokrasi|politics|politik|election|pemilu|government|pemerintah|law|hukum|inflation|inflasi|econom\w+|"
    r"ekonomi|"
    r"clothes|baju|shirt stain|stain|noda|wash|clean|phone|hp|iphone|whatsapp|instagram|facebook|youtube|tiktok|"
    r"laptop|wifi|car to buy|"
    r"recommend\w*|rekomendasi|empfiehl|recomiéndame|recommande|suggest\w*|advice|saran|tips|ideas?|ide|"
    r"hello|hi|hey|halo|hai|hallo|hola|bonjour|ciao|olá|thanks?|thank you|thx|makasih|terima kasih|danke|merci|"
    r"gracias|obrigado|good (?:morning|night|evening|afternoon)|selamat (?:pagi|siang|sore|malam)|bye|sorry|maaf|"
    r"please help me cope)"
)
_WHO = (
    r"^[^\w\n]{0,20}+(?:who(?:'s|se|m)?|when (?:was|were|did|is|does|will)|where|in (?:what|which) year|what year|"
    r"siapa(?:kah)?|kapan|di ?mana(?:kah)?|dmn|tahun berapa|"
    r"quién(?:es)?|cuándo|dónde|wer|wann|wo|in welchem jahr|qui|quand|où|quem|quando|onde|chi|dove|wie schil\w+|"
    r"wanneer|waar)\b"
)
_GREETING = (
    r"^[^\w\n]{0,20}+(?:hello(?! world)|hi|hey|halo|hai|hallo|hola|bonjour|ciao|olá|thanks?|thank you|thx|ty|"
    r"makasih|trims|"
    r"terima ?kasih|danke|merci|gracias|obrigad[oa]|"
    r"good (?:morning|night|evening|afternoon)|selamat (?:pagi|siang|sore|malam)|bye|sorry|maaf|how are you|"
    r"apa kabar|who are you|siapa kamu|lol|great|nice|cool|awesome|mantap)\b"
)
_LATEX = re.compile(r"\\[a-zA-Z]+(?:\{[^{}]*\}|_\{?[^{}\s]*\}?|\^\{?[^{}\s]*\}?)*|\^\{[^{}]*\}|_\{[^{}]*\}")
_CREATIVE = (
    rf"\b{_WRITE}\b(?:\W{{1,9}}+\w{{1,40}}+){{0,4}}?\W{{1,9}}+(?:poems?|poem[ae]|haiku|limerick|songs?|story|tale|essay|letter|speech|"
    rf"jokes?|e-?mails? (?:to|ke|untuk|kepada|for|asking)|message to|toast|rap|lyrics|dialogue|caption|slogan|post|"
    rf"article|review|quote|"
    r"puisi|pantun|cerita|cerpen|surat|pidato|esai|artikel|lirik|ucapan|dialog|dongeng|carta|gedicht|brief|"
    r"geschichte|poème|lettre|histoire|chanson|cuento)\b"
    r"|\b(?:joke|lelucon|witz|blague|chiste|poem|haiku|limerick|rap|sonnet|puisi|pantun|gedicht|poème|poema)\b"
)
_TRANSLATE = (
    r"\b(?:translate|terjemahkan|traduce|traduis|übersetze|traduza|how do (?:you|i) say|bahasa \w{1,40}nya|proofread|"
    r"paraphrase|summari[sz]e|ringkas(?:kan)?|rangkum)\b"
)
_HISTORY = (
    r"\b(?:histor(?:y|ical\w*|ia)|sejarah|invent(?:ed|or|ó|é|ata)|erfunden|entdeckt|entwickelt|discovered|"
    r"came up with|founders?|founded|pendiri|penemu|pencipta|pencetus|pembuat|"
    r"biograph\w+|life of|was born|lahir|named after|famous|mathematicians?|programmers?|matematikawan|tokoh|"
    r"origin of|who (?:created|made|owns))\b"
)
_OTHER_MEANING = (
    r"\b(?:snakes?|ular|venom\w*|berbisa|eggs?|reptile|bite|pet|zoo|island|pulau|coffee|kopi|volcano\w*|sumatra|"
    r"jakarta|bali|indonesia\w*|jawa|gem\w*|stone|emerald|diamond|bird|iron|stains?|karat|besi|"
    r"crabs?|beach|monty|isla|insel|île|serpent|schlange|serpiente|animal)\b"
)
_CONTEXT = (
    rf"\b(?:in|di|en|auf|using|with|use|pakai|memakai|pake|dengan|menggunakan|dalam|for|into|to|ke|learn|by|mit|"
    rf"avec|con|em|bahasa(?: pemrograman)?)\s{{1,9}}+{_AMBIGUOUS}\b(?!\s{{1,9}}+(?:island|time|the)\b)"
    rf"|\b(?:python|java|ruby|rust|swift|go|pascal|shell|c|r|perl|scala|dart)\s{{1,9}}+(?:code|kode|program|script|skrip|"
    rf"function|fungsi|list|dict\w*|class|method|string|array|loop|version|package|module|library|"
    r"error|exception|compiler|borrow|slice|channel|struct|tuple|set|generator|decorator|syntax|project|app|"
    r"developer tools|stream|lambda|interface|enum|test|file|import|crate|script)s?\b"
)
_IMPERATIVE = (
    r"^[^\w\n]{0,20}+(?:print|display|console|echo|cetak|tampilkan|refactor|debug|implement|deploy|compile|parse|loop|"
    r"iterate|sort|install|fix|optimi[sz]e|swap|merge|reverse|append|concatenate|import|export|commit|clone|fetch|"
    r"cast|instantiate|hash|encrypt|decode|encode)\b"
)
_ERROR = (
    r"\b[A-Z]\w{0,60}(?:Error|Exception|Warning)\b|\btraceback\b|\bsegmentation fault\b|\bsegfault\b|\bcore dumped\b|"
    r"\bexit(?:ed|s)?(?: with)? (?:code|status)\b|\bcommand not found\b|"
    r"\bfatal:|\berror:|\bpanic:|\berrno\b|\bundefined (?:is not|reference|index|variable)|\bis not (?:defined|"
    r"a function|recognized)\b|\bcannot (?:read|find|import|resolve|open)\b|"
    r"\bpermission denied\b|\baccess denied\b|\bconnection refused\b|\b(?:404|500|502|503|403|"
    r"401)\b(?=.{0,200}\b(?:error|page|server|gateway|api|endpoint|app|nginx|request|http|after|setelah)\b)|"
    r"\bNaN\b|\bstack ?overflow\b|\bnull ?pointer\b|\bERESOLVE\b|\bENOENT\b|\bENO[A-Z]+\b|\bCrashLoop\w+|"
    r"\bexpected '|\bunexpected token\b|#N/A|#REF|\berr?or\b"
)
_PUNCTUATION = (
    r"[{}]|;[ \t]{0,9}+(?:$|\n\s{0,9}+(?:\}|//)|\}|//)|=>|==|!=|&&|\|\||::|</?\w{1,30}+[^<>]{0,80}>|```|"
    r"`[^`]{1,200}+`|\$\(|\$\{|--\w{2,}|"
    r"\b\w{1,40}+\.\w{1,40}+\(|\b[a-z_]\w{0,40}+\(\)|\+\+|\+=|\b\w{1,40}+\[\w{1,40}+\]|^[ \t]{0,40}+#include|"
    r"\b[a-z]{1,40}+_[a-z_]{1,80}+\b|\b[a-z]{1,40}+[A-Z][a-z]\w{0,60}+|"
    r"\b\w{1,40}+\.(?:py|js|ts|java|cpp|cs|php|html?|css|json|ya?ml|sh|txt|csv|"
    r"go|rs|rb|kt|sql|xml|ipynb|toml|env|log|jar|md)\b|"
    r"\b(?:def|class|function|fn|func)\s{1,9}+\w{1,40}+\s{0,9}+\(|\b(?:for|while|if)\s{0,9}+\(|"
    r"\bfor\s{1,9}+\w{1,40}+\s{1,9}+in\b|\b(?:public|private|static)\s{1,9}+\w{1,40}+|"
    r"\b(?:const|let|var|int|float|string|char|bool)\s{1,9}+\w{1,40}+\s{0,9}+=|"
    r"^[ \t]{0,40}+(?:import|from)\s{1,9}+\w{1,40}+|\bprint\s{0,9}+\(|\bprintln\b|\bconsole\.log|"
    r"\breturn\s{1,9}+\w{1,40}+"
)
_STATEMENT = (
    r"\b\w{1,40}+\.[a-z]\w{0,40}+\([^)]{0,200}+\)|=>|</\w{1,30}+>|<\w{1,30}+(?: [^<>]{0,200}+)?/?>|```|"
    r"\bprint(?:ln|f)?!?\s{0,9}+\(|\bconsole\.log|\b(?:def|function|fn|func)\s{1,9}+\w{1,40}+\s{0,9}+\(|"
    r"\bfor\s{0,9}+\(|\bfor\s{1,9}+\w{1,40}+\s{1,9}+in\s{1,9}+[^\s:]{1,80}+:|\bwhile\s{0,9}+\(|"
    r"\bif\s{0,9}+\([^)]{0,200}+\)\s{0,9}+\{|"
    r"\bwhile\s{1,9}+\S.{0,30}:(?:[ \t]{0,9}+\n|\s{0,9}+\w{1,40}+\()|"
    r"\b(?:public|private|protected)\s{1,9}+(?:static|class|void|int|string)|"
    r"\b(?:const|let|var|int|float|double|string|char|bool)\s{1,9}+\w{1,40}+(?:\[\])?\s{0,9}+=|#include|"
    r"^[ \t]{0,40}+(?:import|from)\s{1,9}+[\w.]{1,80}+(?:\s{1,9}+(?:as|import)\b.{0,200}+)?$|"
    r"\breturn\s{1,9}+\w{1,40}+\s{0,9}+[-+*/;]|[;{][ \t]{0,9}+\n|\};?[ \t]{0,9}+$|"
    r"\{\s{0,9}+\w[\w-]{0,40}+\s{0,9}+:[^}]{1,300}+\}|\b\w{1,40}+\[['\"]\w{1,40}+['\"]\]|\$[A-Z]{2,}\b|<\?php|"
    r"\becho \$|\b\w{1,40}+\s{0,9}+(?:\+=|\+\+)"
)
_YEAR = (
    r"\b(?:1[0-9]|20)\d\d\b(?!\s{0,9}+[-+*/x×÷=])|\b\d{1,2} (?:january|february|march|april|may|june|july|august|"
    r"september|october|november|december|januari|februari|maret|mei|juni|juli|agustus|oktober|nopember|"
    r"desember)\b"
)
_COMMAND = (
    r"^[ \t]{0,40}+(?:[$>#][ \t]{0,9}+)?(?:(?:sudo|git|docker|npm|npx|pip3?|kubectl|apt-get|curl|wget|mkdir|"
    r"chmod|chown|scp|"
    r"systemctl) [-\w./]|"
    r"(?:ls|cd|rm|cp|mv|grep|awk|sed|find|ssh|tar|cat|echo|make|cargo|python3?|node|yarn|brew|apt) (?:[-./~$'\"]|"
    r"\w{1,40}+\.\w))"
)
_SQL = (
    r"\bselect\b.{1,300}?\bfrom\b|\binsert into\b|\bupdate\b(?>.{1,200}?\bset\b).{1,200}?=|\bdelete from\b|"
    r"\bcreate table\b|"
    r"\balter table\b|\bgroup by\b|\border by\b|\b(?:left|inner|outer|right) join\b"
)
_SHEET = (
    r"=\s?[A-Z]{2,}\(|\b[A-Z]{1,2}\d{1,4}(?::[A-Z]{1,2}\d{1,4})?\b(?=.{0,200}\b(?:cell|column|excel|sheet|formula)\b)|"
    r"\b(?:excel|spreadsheet|google sheets?|vlookup|xlookup|sumifs?|countifs?|pivot)\b"
)
_EXPRESSION = (
    r"\d\s{0,9}+[-+*/×÷^%:]\s{0,9}+\(?\s{0,9}+-?[\d(]|\d\s{0,9}+x\s{0,9}+\d|\d\s{0,9}+[!²³√]|√\s{0,9}+\d|"
    r"\b(?:sqrt|sin|cos|tan|log|ln|exp|lim|log2|log10)\s{0,9}+\(?\s{0,9}+-?[\dxπ(]|"
    r"\d\s{0,9}+(?:mod|choose|times|plus|minus|kali|dibagi|dikali|ditambah|dikurangi|por|mal|fois|vezes)\s{0,9}+\d+|"
    r"\b\d{1,40}+C\d{1,40}+\b"
)
_EQUATION = (
    r"(?:\d|\b)[xyznabk]\s{0,9}+(?:\^|\*\*|[²³])|\b\d{1,40}+(?-i:[xyznab])\b|"
    r"[xyz]\s{0,9}+[-+*/]\s{0,9}+\d{1,40}+\s{0,9}+[=<>≤≥]|"
    r"[=<>≤≥]\s{0,9}+-?\d{1,40}+\b(?![^\n;{}]{0,300}+[;{}])|\b[fgh]\(x\)|\b[fgh]'\(|\bd[yx]/d[xt]\b|"
    r"[∫∑∏√∞≤≥≠π∩∪∈→∂θ]|\\(?:frac|int|sum|lim|sqrt|cdot|infty|pi|begin)\b|"
    r"\$(?=[^$\n\\^_=]{0,200}+[\\^_=])[^$\n]{1,300}+\$|\by\s{0,9}+=\s{0,9}+|\b[xyz]\s{0,9}+=\s{0,9}+(?:\d|\?)|"
    r"\b[xyz]\s{0,9}+(?:\+|-)\s{0,9}+[xyz]\b|\|[xyz][^|]{0,100}+\|\s{0,9}+=|"
    r"\[\s{0,9}+\[?\s{0,9}+-?\d{1,40}+(?:\s{0,9}+,|\s)\s{0,9}+-?\d+"
)
_QUANTITY = (
    r"\b(?:how (?:many|much|long|far|fast|old|tall|high|big|deep|heavy)|berapa|brp|cuánt[oa]s?|wie (?:viele?|"
    r"lange|schnell|hoch|groß|weit|alt)|combien|quant[oai]s?|hoeveel|find|tentukan|hitung|calculate)\b"
)
_NUMBER = r"(?<![\w.])[-+]?\d+(?:[.,:]\d+)*(?![\d])"
_MONEY = r"[$€£¥]\s?\d|\brp\.? ?\d|\d\s?(?:dollars?|dolar|euros?|rupiah|usd|eur|idr|ribu|juta|rb|jt|k\b)"
_CONVERT = (
    rf"\d\s{{0,9}}+{_UNIT}\b.{{0,20}}\b(?:to|in|into|ke|jadi|menjadi|en|nach|in|à|berapa|itu)\b.{{0,15}}\b{_UNIT}\b|"
    rf"\b(?:how many|berapa|combien de|wie viele|cuántos|quantos)\s{{1,9}}+{_UNIT}\b.{{0,25}}\b(?:in|are|is|dalam|en|a|"
    rf"per|dans|y|sind|hat)\b.{{0,15}}\b{_UNIT}\b|\b1 {_UNIT} (?:in|berapa) {_UNIT}\b"
)
_ARITHMETIC = r"^(?=[^\d\n]{0,200}+\d)[ \t\d.,()+\-*/×÷^%=?!√²³xX:]{1,400}+$"
_BUILD = rf"\b{_WRITE}\b(?:\W{{1,9}}+[\w+#]{{1,40}}+){{0,6}}?\W{{1,9}}+{_PROGRAM}\b"
_PROVE = (
    r"\b(?:prove|proof|show) (?:that|the|of|by)\b|\bbuktikan\b|\bbewei\w+\b|\bdémontre\w*\b|\bdemuestra\b|"
    r"\btunjukkan bahwa\b|\b(?:solve|selesaikan|resuelve|résous|löse|resolva)\b[^\d\n]{0,200}+\d"
)


@dataclass(frozen=True, slots=True)
class Signal:
    """One thing to look for. `words` tells that what was found is worth quoting."""

    name: str
    description: str
    pattern: re.Pattern[str]
    words: bool = False
    code: bool = False
    """Whether it looks for the signs of code, which LaTeX has too."""


def _signal(name: str, description: str, pattern: str) -> Signal:
    return Signal(name, description, re.compile(pattern, re.IGNORECASE | re.MULTILINE))


def _lexicon(name: str, description: str, pattern: str) -> Signal:
    return Signal(name, description, re.compile(rf"(?<!\w)(?=[^\W\d_]){pattern}(?![\w+#])", re.IGNORECASE), words=True)


def _signs(name: str, description: str, pattern: str) -> Signal:
    return Signal(name, description, re.compile(pattern, re.MULTILINE), code=True)


SIGNALS = (
    _lexicon("languages", "the name of a tool for programmers", _LANGUAGES),
    _signal("language_in_context", "the name of a programming language", _CONTEXT),
    _lexicon("code_words", "words of programmers", _CODE_WORDS),
    _lexicon("strong_code", "words of programmers", _STRONG_CODE),
    _signal("build", "a wish for a program", _BUILD),
    _signal("imperative", "an instruction for a program", _IMPERATIVE),
    _signal("error", "an error message", _ERROR),
    _signs("punctuation", "the punctuation of code", _PUNCTUATION),
    _signs("statement", "lines of code", _STATEMENT),
    _signal("command", "a shell command", _COMMAND),
    _signal("sql", "an SQL statement", _SQL),
    _signal("sheet", "a spreadsheet formula", _SHEET),
    _lexicon("math_words", "words of mathematics", _MATH_WORDS),
    _lexicon("strong_math", "words of mathematics", _STRONG_MATH),
    _signal("expression", "an arithmetic expression", _EXPRESSION),
    _signal("equation", "an equation", _EQUATION),
    _signal("numbers", "its numbers", _NUMBER),
    _signal("year", "a year", _YEAR),
    _signal("money", "sums of money", _MONEY),
    _signal("convert", "units to convert", _CONVERT),
    _signal("units", "units", rf"\d\s{{0,9}}+{_UNIT}\b"),
    _signal("arithmetic", "nothing but arithmetic", _ARITHMETIC),
    _signal("prove", "something to prove or solve", _PROVE),
    _signal("quantity", "a question for a quantity", _QUANTITY),
    _lexicon("general_words", "everyday words", _GENERAL_WORDS),
    _signal("greeting", "a greeting", _GREETING),
    _signal("who", "a question for a person, a time or a place", _WHO),
    _signal("creative", "a wish for a text", _CREATIVE),
    _signal("translate", "a wish for a translation or summary", _TRANSLATE),
    _signal("history", "a question of history", _HISTORY),
    _signal("other_meaning", "words that have another meaning here", _OTHER_MEANING),
)

_STRENGTH = (0.0, 0.6, 0.8, 1.0)
"""Of a signal found never, once, twice, or more often."""

_Counts = Mapping[str, int]

# Signals say more together than alone: two numbers make a question for a quantity a word problem; without a number,
# it is trivia.
_TOGETHER: tuple[Callable[[_Counts], bool], ...] = (
    lambda n: n["numbers"] >= 2,
    lambda n: n["numbers"] >= 4,
    lambda n: n["quantity"] > 0 and n["numbers"] >= 2,
    lambda n: n["quantity"] > 0 and not n["numbers"] and not _math(n),
    lambda n: n["math_words"] > 0 and n["numbers"] > 0,
    lambda n: n["code_words"] > 0 and not n["general_words"],
    lambda n: n["math_words"] > 0 and not _code(n),
    lambda n: n["math_words"] > 0 and _code(n),
    lambda n: n["year"] > 0 and n["numbers"] <= 1 and not _math(n),
    lambda n: n["code_words"] > 0 and not _code(n),
    lambda n: n["math_words"] > 0 and not _math(n),
    lambda n: n["math_words"] > 0 and not _math(n) and not n["numbers"],
    lambda n: n["general_words"] > 0 and not _code(n) and not _math(n),
    lambda n: _framed(n) and not n["build"],
    lambda n: _framed(n) and (_code(n) or _math(n)) and not n["build"],
    lambda n: _code(n) and not _framed(n),
    lambda n: _math(n) and not _framed(n) and not _code(n),
    lambda n: not _code(n) and not _math(n),
)


def _code(n: _Counts) -> bool:
    return any(
        n[name]
        for name in (
            "languages",
            "language_in_context",
            "strong_code",
            "build",
            "error",
            "statement",
            "command",
            "sql",
            "sheet",
        )
    )


def _math(n: _Counts) -> bool:
    return any(n[name] for name in ("strong_math", "expression", "equation", "convert", "arithmetic", "prove"))


def _framed(n: _Counts) -> bool:
    return any(n[name] for name in ("who", "creative", "translate", "history"))


def counts(text: str) -> Mapping[str, int]:
    """Return how often each signal is found, at most three times."""
    plain = _LATEX.sub(" ", text)  # its braces are not those of code
    return {
        signal.name: sum(1 for _ in islice(signal.pattern.finditer(plain if signal.code else text), 3))
        for signal in SIGNALS
    }


def measure(found: Mapping[str, int]) -> list[float]:
    """Return counts as numbers between 0 and 1: one for each of `SIGNALS`, then one for each of their combinations."""
    return [_STRENGTH[count] for count in found.values()] + [float(holds(found)) for holds in _TOGETHER]


def subjects(found: Mapping[str, int]) -> set[str]:
    """Return the categories of which a question, short as it may be, says something by itself."""
    named = {"math": _math(found) or found["numbers"] > 1, "code": _code(found)}
    named["general"] = bool(found["greeting"]) or _framed(found)
    return {category for category, holds in named.items() if holds}


def quotes(signal: Signal, text: str) -> list[str]:
    """Return the words that a signal found, as they stand in the text; none for signals that are not about words."""
    return [match.group() for match in islice(signal.pattern.finditer(text), 3)] if signal.words else []
