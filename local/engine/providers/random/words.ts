/** Words for `RandomPet`: plain, short, friendly. */
const list = (text: string): readonly string[] => text.trim().split(/\s+/);

export const ADVERBS = list(`
  ably boldly briskly calmly clearly cheerfully deeply duly eagerly early easily evenly fairly firmly fondly freely gently gladly
  gracefully greatly happily honestly humbly keenly kindly largely lightly loyally merrily mildly neatly nobly openly partly
  patiently playfully promptly properly purely quickly quietly rarely readily richly safely simply smoothly softly solidly
  steadily strongly suddenly surely swiftly tenderly truly usually vastly vividly warmly wholly widely wisely
`);

export const ADJECTIVES = list(`
  able active agile alert amber ample apt aware bold brave brief bright brisk calm careful cheerful civil clean clear clever
  cosmic cosy crisp curious daring deep eager early easy epic even exact fair famous fast fine firm fleet fluent fond frank free
  fresh gentle glad golden good grand great happy hardy honest humble ideal jolly keen kind large light lively loyal lucky
  major mellow merry mighty mild modern modest native neat new nimble noble novel open patient plain polite prime proud pure
  quick quiet rapid rare ready regal rich robust safe sharp shining silver simple sincere smart smooth snug social solid
  sound splendid spry steady strong subtle sunny super sure sweet swift tidy tough true upright useful valid vast vital vivid
  warm well whole wise witty worthy young
`);

export const ANIMALS = list(`
  adder albatross alpaca ant antelope badger bass bat beagle bear beaver bee bison boar bobcat buck buffalo bullfrog camel caribou
  cat cheetah chipmunk civet clam cobra cod colt condor coral corgi cougar cow crab crane cricket crow deer dingo dog dolphin donkey
  dove dragonfly drake duck eagle eel egret elephant elk emu falcon fawn ferret finch firefly flamingo fox frog gannet gazelle
  gecko gibbon giraffe goat goose gopher grouse gull hamster hare hawk hedgehog heron herring hippo hornet horse husky ibex ibis
  iguana impala jackal jaguar jay kestrel kingfisher kite kiwi koala lamb lark lemming lemur leopard liger lion lizard llama lobster
  lynx macaw magpie mako mantis marlin marmot marten mastiff meerkat mink mole mongoose monkey moose moth mouse mule muskrat
  newt ocelot octopus orca oriole osprey otter owl ox oyster panda panther parrot pelican penguin pheasant pigeon pony possum puffin
  puma python quail rabbit raccoon ram raven ray reindeer robin rooster sailfish salmon satyr seal shark sheep shrew shrimp skink
  skunk sloth snail snipe sparrow spider squid squirrel stag starling stork swallow swan swift tapir tern terrier tiger toad
  tortoise toucan trout tuna turkey turtle viper vole walrus warthog wasp weasel whale whippet wolf wombat woodcock wren yak zebra
`);
